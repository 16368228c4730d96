"""Photos as proof of a delivery: the can at the door, the locked gate.

Rules: an order that is out or confirmed has at most one photo; a later one takes its place. What is sent is read,
turned upright, made small and written anew as a JPEG, so that nothing of it is kept but what one sees: no position, no
device, no bytes that a browser could take for something else. The row is in the database, the picture in a file below
``DAIRY_FILES_DIR``. A file is written before its row and deleted after it: what is broken off leaves at most a file
without a row, which the nightly command deletes, as it does photos that are older than the setting ``photo_days``.
"""
