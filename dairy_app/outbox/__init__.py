"""The table of messages that wait for a sender, and how a service puts one there: with its own change or not at all."""
