"""The use cases of deliveries."""
