"""Deliveries as clients send and see them."""
