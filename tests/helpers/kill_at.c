/* Ends a process by SIGKILL at its n-th operation on the files of a folder.

   LD_PRELOAD=kill_at.so KILL_FOLDER=/tmp/run/checkpoints KILL_AT=7 program
   LD_PRELOAD=kill_at.so KILL_FOLDER=/tmp/run/checkpoints KILL_AT=0 KILL_LOG=/tmp/operations program

   Operations are: open to write, write, fsync, close of a stream, rename, remove, make a folder.
   The kill comes before the operation; with KILL_HALF=1 half of what it writes is written before.
   KILL_AT=0 kills nothing. `kill_after` is called by a program that is to be killed after seconds of
   its processor's time, which a busy machine does not stretch. KILL_LOG is a file that gets a line for each operation. What the program
   writes is the kernel's at the kill, as it is after any kill -9; a power cut is something else. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int seen = 0;

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

static const char *path_of(int descriptor, char *buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  buffer[length > 0 ? length : 0] = 0;
  return buffer;
}

static void note(const char *operation, const char *path) {
  const char *log = getenv("KILL_LOG");
  if (!log) return;
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%s %s\n", operation, path);
  int file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (file < 0) return;
  syscall(SYS_write, file, line, length);
  syscall(SYS_close, file);
}

/* Counts an operation on a path; returns whether it is the one before which the process ends. */
static int is_last(const char *operation, const char *path) {
  const char *folder = getenv("KILL_FOLDER"), *at = getenv("KILL_AT");
  if (!folder || !at || !path || !strstr(path, folder)) return 0;
  int number = __sync_add_and_fetch(&seen, 1);
  note(operation, path);
  return number == atoi(at);
}

static void end(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

static void end_by_clock(int number) {
  (void)number;
  end();
}

void kill_after(double seconds) {
  struct itimerval clock = {{0, 0}, {(time_t)seconds, (seconds - (time_t)seconds) * 1e6}};
  signal(SIGPROF, end_by_clock);
  setitimer(ITIMER_PROF, &clock, NULL);
}

static int halves(void) {
  return getenv("KILL_HALF") != NULL;
}

static int writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

#define OPEN(name)                                                         \
  int name(const char *path, int flags, ...) {                             \
    REAL(name);                                                            \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                          \
    if (writes(flags) && is_last("open", path)) end();                     \
    return real(path, flags, mode);                                        \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                       \
  int name(int folder, const char *path, int flags, ...) {                 \
    REAL(name);                                                            \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                          \
    if (writes(flags) && is_last("open", path)) end();                     \
    return real(folder, path, flags, mode);                                \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                        \
  FILE *name(const char *path, const char *mode) {                         \
    REAL(name);                                                            \
    if (strpbrk(mode, "wa+") && is_last("fopen", path)) end();             \
    return real(path, mode);                                               \
  }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int descriptor, const void *content, size_t size) {
  REAL(write);
  char path[PATH_MAX];
  if (descriptor > 2 && is_last("write", path_of(descriptor, path))) {
    if (halves()) real(descriptor, content, size / 2);
    end();
  }
  return real(descriptor, content, size);
}

size_t fwrite(const void *content, size_t size, size_t count, FILE *stream) {
  REAL(fwrite);
  char path[PATH_MAX];
  if (fileno(stream) > 2 && is_last("fwrite", path_of(fileno(stream), path))) {
    if (halves()) {
      real(content, 1, size * count / 2, stream);
      fflush(stream);
    }
    end();
  }
  return real(content, size, count, stream);
}

#define OF_STREAM(name)                                                       \
  int name(FILE *stream) {                                                    \
    REAL(name);                                                               \
    char path[PATH_MAX];                                                      \
    if (stream && fileno(stream) > 2 &&                                       \
        is_last(#name, path_of(fileno(stream), path))) end();                 \
    return real(stream);                                                      \
  }
OF_STREAM(fflush)
OF_STREAM(fclose)

#define OF_DESCRIPTOR(name)                                           \
  int name(int descriptor) {                                          \
    REAL(name);                                                       \
    char path[PATH_MAX];                                              \
    if (is_last(#name, path_of(descriptor, path))) end();             \
    return real(descriptor);                                          \
  }
OF_DESCRIPTOR(fsync)
OF_DESCRIPTOR(fdatasync)

int rename(const char *from, const char *to) {
  REAL(rename);
  if (is_last("rename", to)) end();
  return real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  REAL(renameat);
  if (is_last("rename", to)) end();
  return real(from_folder, from, to_folder, to);
}

int unlink(const char *path) {
  REAL(unlink);
  if (is_last("unlink", path)) end();
  return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(unlinkat);
  if (is_last("unlink", path)) end();
  return real(folder, path, flags);
}

int rmdir(const char *path) {
  REAL(rmdir);
  if (is_last("rmdir", path)) end();
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  if (is_last("mkdir", path)) end();
  return real(path, mode);
}
