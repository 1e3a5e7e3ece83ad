"""The client half of the command line: it speaks HTTP to a server, and imports nothing of one."""
