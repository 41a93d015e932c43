"""Runs the operations of a JSON file below a folder and prints what each one answers.

The same file is run on a sealed volume inside of Cloister and on a file system of the machine:
every line must be the same. Usage: native-model.py OPERATIONS FOLDER
"""
import errno
import json
import os
import stat
import sys
import zlib

ROOT = sys.argv[2]
# Links may lead upwards: so far down that they stay below the root.
BASE = os.path.join(ROOT, "1/2/3/4/5/6/7/8/9")
handles = {}


def at(path):
    return os.path.join(BASE, path)


def data(length, fill):
    return bytes((fill + i * 7) & 255 for i in range(251)) * (length // 251 + 1)


def write(path, offset, length, fill):
    fd = os.open(at(path), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        return os.pwrite(fd, data(length, fill)[:length], offset)
    finally:
        os.close(fd)


def append(path, length, fill):
    fd = os.open(at(path), os.O_WRONLY | os.O_APPEND)
    try:
        return os.write(fd, data(length, fill)[:length])
    finally:
        os.close(fd)


def read(path, offset, length):
    fd = os.open(at(path), os.O_RDONLY)
    try:
        return zlib.crc32(os.pread(fd, length, offset))
    finally:
        os.close(fd)


def opened(path, slot, flags):
    if slot in handles:
        os.close(handles.pop(slot))
    names = {"r": os.O_RDONLY, "w": os.O_RDWR, "c": os.O_RDWR | os.O_CREAT, "x": os.O_RDWR | os.O_CREAT | os.O_EXCL, "t": os.O_RDWR | os.O_TRUNC}
    handles[slot] = os.open(at(path), names[flags], 0o600)


def handled(slot, offset, length, fill):
    if slot not in handles:
        return "none"
    fd = handles[slot]
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    before = zlib.crc32(os.pread(fd, length, offset))
    written = os.pwrite(fd, data(length, fill)[:length], offset) if fill else 0
    after = os.fstat(fd)
    return [before, written, after.st_size, after.st_nlink]


def synced(slot):
    if slot in handles:
        os.fsync(handles[slot])


def reserved(path, offset, length):
    fd = os.open(at(path), os.O_RDWR)
    try:
        os.posix_fallocate(fd, offset, length)
    finally:
        os.close(fd)


def attributes(path):
    return [[name, os.getxattr(at(path), name, follow_symlinks=False).hex()] for name in sorted(os.listxattr(at(path), follow_symlinks=False)) if name.startswith("user.")]


def status(path):
    s = os.lstat(at(path))
    size = 0 if stat.S_ISDIR(s.st_mode) else s.st_size
    return [oct(s.st_mode), s.st_nlink, size, s.st_mtime_ns if s.st_mtime_ns < 10**18 else 0]


def tree():
    lines = []
    for folder, folders, files in os.walk(ROOT):
        for name in folders + files:
            path = os.path.relpath(os.path.join(folder, name), BASE)
            line = [path, *status(path), attributes(path)]
            if stat.S_ISLNK(os.lstat(at(path)).st_mode):
                line.append(os.readlink(at(path)))
            elif stat.S_ISREG(os.lstat(at(path)).st_mode):
                with open(at(path), "rb") as file:
                    line.append(zlib.crc32(file.read()))
            lines.append(line)
    return sorted(lines, key=lambda line: line[0])


OPERATIONS = {
    "mkdir": lambda p: os.mkdir(at(p), 0o755),
    "rmdir": lambda p: os.rmdir(at(p)),
    "unlink": lambda p: os.unlink(at(p)),
    "rename": lambda a, b: os.rename(at(a), at(b)),
    "link": lambda a, b: os.link(at(a), at(b), follow_symlinks=False),
    "symlink": lambda t, p: os.symlink(t, at(p)),
    "truncate": lambda p, n: os.truncate(at(p), n),
    "chmod": lambda p, m: os.chmod(at(p), m),
    "utime": lambda p, t: os.utime(at(p), ns=(t, t)),
    "list": lambda p: sorted(os.listdir(at(p))),
    "readlink": lambda p: os.readlink(at(p)),
    "setxattr": lambda p, n, v: os.setxattr(at(p), n, v.encode(), follow_symlinks=False),
    "removexattr": lambda p, n: os.removexattr(at(p), n, follow_symlinks=False),
    "xattrs": attributes,
    "write": write,
    "append": append,
    "read": read,
    "reserve": reserved,
    "stat": status,
    "open": opened,
    "handle": handled,
    "fsync": synced,
    "sync": lambda: os.sync(),
    "tree": tree,
}

os.umask(0o022)
os.makedirs(BASE, exist_ok=True)
with open(sys.argv[1]) as file:
    operations = json.load(file)
for number, (name, *arguments) in enumerate(operations):
    try:
        answer = OPERATIONS[name](*arguments)
    except OSError as error:
        answer = errno.errorcode.get(error.errno, error.errno)
    print(number, json.dumps(answer))
