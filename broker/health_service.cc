// health_service
