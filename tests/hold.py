#!/usr/bin/env python3
"""Holds files in memory: `tests/hold.py PATTERN...`, until it is killed. For machines that take pages of files away from
whoever did not touch them for some seconds, where a benchmark would measure the disk. Needs the right to lock memory."""

import ctypes
import glob
import os
import sys
import time

PROT_READ, MAP_SHARED = 1, 1
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def lock(path, size):
    """Maps the file and locks it; gives the mapping."""
    file = os.open(path, os.O_RDONLY)
    address = libc.mmap(None, size, PROT_READ, MAP_SHARED, file, 0)
    os.close(file)
    if address == ctypes.c_void_p(-1).value or libc.mlock(address, size) != 0:
        sys.exit(f"{path} cannot be held in memory: {os.strerror(ctypes.get_errno())}")
    return address, size


held = {}
while True:
    for path in (path for pattern in sys.argv[1:] for path in glob.glob(pattern)):
        size = os.path.getsize(path)
        if size == 0 or held.get(path, (0, 0))[1] == size:
            continue
        grown = lock(path, size)
        if path in held:
            libc.munmap(*held[path])
        held[path] = grown
    time.sleep(2)
