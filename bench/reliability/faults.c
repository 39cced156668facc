/* Calls of the system that fail as those of a disk do that is full, broken, away or read-only.

For LD_PRELOAD. Of FAULT_CALL ("open" for writing, "write", "fsync", "rename") on files in
FAULT_FOLDER the call number FAULT_NUMBER fails with the error FAULT_ERROR, and from then on those
that FAULT_AFTER lists, of which "unlink" may be one. The file FAULT_TOLD is made when it happens. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int calls, begun;

static int refuses(const char *call, const char *path)
{
    const char *folder = getenv("FAULT_FOLDER");
    if (folder == NULL || strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    if (begun) {
        if (strstr(getenv("FAULT_AFTER"), call) == NULL)
            return 0;
    } else {
        if (strcmp(call, getenv("FAULT_CALL")) != 0
            || __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) != atoi(getenv("FAULT_NUMBER")))
            return 0;
        begun = 1;
        int told = NEXT(open)(getenv("FAULT_TOLD"), O_CREAT | O_WRONLY, 0600);
        if (told >= 0)
            close(told);
    }
    errno = atoi(getenv("FAULT_ERROR"));
    return 1;
}

static int refuses_file(const char *call, int file)
{
    char link[64], path[PATH_MAX + 1];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = '\0';
    return refuses(call, path);
}

#define MODE(flags)                                                                                \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                         \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }                                                                                              \
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && refuses("open", path))                          \
        return -1;

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        MODE(flags)                                                                                \
        return NEXT(name)(path, flags, mode);                                                      \
    }

#define OPEN_AT(name)                                                                              \
    int name(int folder, const char *path, int flags, ...)                                         \
    {                                                                                              \
        MODE(flags)                                                                                \
        return NEXT(name)(folder, path, flags, mode);                                              \
    }

#define WRITE(name, ...)                                                                           \
    return refuses_file("write", file) ? -1 : NEXT(name)(file, content, size, ##__VA_ARGS__)

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

ssize_t write(int file, const void *content, size_t size)
{
    WRITE(write);
}

ssize_t pwrite(int file, const void *content, size_t size, off_t place)
{
    WRITE(pwrite, place);
}

ssize_t pwrite64(int file, const void *content, size_t size, off64_t place)
{
    WRITE(pwrite64, place);
}

int fsync(int file)
{
    return refuses_file("fsync", file) ? -1 : NEXT(fsync)(file);
}

int fdatasync(int file)
{
    return refuses_file("fsync", file) ? -1 : NEXT(fdatasync)(file);
}

int rename(const char *path, const char *other)
{
    return refuses("rename", path) ? -1 : NEXT(rename)(path, other);
}

int unlink(const char *path)
{
    return refuses("unlink", path) ? -1 : NEXT(unlink)(path);
}
