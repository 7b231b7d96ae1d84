// publisher_service
