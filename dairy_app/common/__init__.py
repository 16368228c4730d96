"""What has no subject of the trade and needs neither a request nor a connection: clock, words, phones, errors, files.

``errors`` holds the one table of error codes; everything else raises ``Problem(code)``. ``revisions`` and ``functions``
stay here because released revisions import them, and those never change.
"""
