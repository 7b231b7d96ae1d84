// reflection_service
