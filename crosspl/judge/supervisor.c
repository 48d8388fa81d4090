/* Supervisor: PID 1 of one box. Runs one program on one input at a time and measures it. With arguments (fallback.c) it
 * is no PID 1, and keeps programs in a private folder itself.
 *
 * In (stdin, little-endian): one job header (10 u64 limits, argv, environment, files), then inputs (u32 size, bytes),
 * ended by the size 0xffffffff or end of file. Out (stdout), per input: 8 u64 (see `struct reply`), the program's
 * stdout, the first bytes of its stderr, and the files of /box when the job asks for them (compiling).
 * Expected outputs never come here: the host compares, and stops a program by not sending the next input.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WALL_CAP = 1, CPU_CAP = 2, NO_EXEC = 4, DIRTY = 8, MEMORY_CAP = 16, TOO_LARGE = 32 };
enum { MEMORY_CHECK_US = 50000, RETURNED_BYTES = 256 << 20 };
enum { END_OF_JOB = 0xffffffff, DEPTH_LIMIT = 64 };

struct limits {
    uint64_t cpu_seconds;      /* RLIMIT_CPU, soft; hard is one more */
    uint64_t kill_cpu_us;      /* killed here; finer than RLIMIT_CPU, but sees the first process only */
    uint64_t wall_us;
    uint64_t address_space, data, file_size, processes; /* 0 = not limited */
    uint64_t stderr_kept;
    uint64_t return_files;
    uint64_t memory_together;  /* resident bytes of all processes, looked at every 50 ms; 0 = not limited */
};

struct reply {
    uint64_t status;           /* as wait(2) gives it; errno of exec when NO_EXEC */
    uint64_t cpu_us;           /* whole reaped tree, leftovers included */
    uint64_t wall_us;
    uint64_t delay_us;         /* the first process waited so long for a CPU */
    uint64_t peak_kib;
    uint64_t leftovers;        /* processes still alive when the first one ended */
    uint64_t flags;
    uint64_t output_size;      /* the larger of stdout and stderr, uncut */
};

struct file {
    char *name, *data;
    uint32_t size, mode;
};

/* fallback.c */
void prepare_fallback(char **arguments, char **folders);
void make_filter(int compiling);
int restrict_program(void);
int kill_descendants(void);

static struct limits limits;
static char **arguments, **environment;
static struct file *files;
static uint32_t file_count;
static char *private_folder;               /* NULL under bubblewrap */
static char *folders[4] = {"/box", "/tmp", "/dev/shm"};

static _Noreturn void leave(void);

static void receive(void *target, size_t size)
{
    char *at = target;
    while (size) {
        ssize_t n = read(0, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) leave();           /* the host is gone, and so are we */
        at += n;
        size -= n;
    }
}

static void send_bytes(const void *source, size_t size)
{
    const char *at = source;
    while (size) {
        ssize_t n = write(1, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) leave();
        at += n;
        size -= n;
    }
}

static uint32_t receive_u32(void)
{
    uint32_t value;
    receive(&value, sizeof value);
    return value;
}

static void send_u32(uint32_t value) { send_bytes(&value, sizeof value); }

static char *receive_blob(uint32_t *size)
{
    *size = receive_u32();
    char *data = malloc((size_t)*size + 1);
    if (!data) _exit(70);
    receive(data, *size);
    data[*size] = 0;
    return data;
}

static char **receive_strings(void)
{
    uint32_t count = receive_u32(), size;
    char **list = calloc((size_t)count + 1, sizeof *list);
    if (!list) _exit(70);
    for (uint32_t i = 0; i < count; i++) list[i] = receive_blob(&size);
    return list;
}

static void make_parents(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", name);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
}

static int write_file(const struct file *file)
{
    unlink(file->name);
    make_parents(file->name);
    int fd = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file->mode);
    if (fd < 0) return -1;
    for (size_t done = 0; done < file->size;) {
        ssize_t n = write(fd, file->data + done, file->size - done);
        if (n <= 0) break;
        done += n;
    }
    int short_by = fchmod(fd, file->mode) || lseek(fd, 0, SEEK_CUR) != (off_t)file->size;
    close(fd);
    return short_by ? -1 : 0;
}

static void receive_job(void)
{
    uint32_t size;
    receive(&limits, sizeof limits);
    arguments = receive_strings();
    environment = receive_strings();
    file_count = receive_u32();
    files = calloc((size_t)file_count + 1, sizeof *files);
    if (!files) _exit(70);
    for (uint32_t i = 0; i < file_count; i++) {
        files[i].name = receive_blob(&size);
        files[i].mode = receive_u32();
        files[i].data = receive_blob(&files[i].size);
        if (write_file(&files[i])) _exit(71);
    }
}

/* A limit can only be lowered below what the box was started with. */
static void set_limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    if (getrlimit(resource, &now)) _exit(126);
    if (now.rlim_max < hard) hard = now.rlim_max;
    if (soft > hard) soft = hard;
    struct rlimit wanted = {soft, hard};
    if (setrlimit(resource, &wanted)) _exit(126);
}

/* After vfork: shares our memory until exec, so it only makes system calls and reports errno through `failure`. */
static _Noreturn void become_program(int in, int out, int err, volatile int *failure)
{
    setsid();
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    set_limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);
    if (limits.address_space) set_limit(RLIMIT_AS, limits.address_space, limits.address_space);
    if (limits.data) set_limit(RLIMIT_DATA, limits.data, limits.data);
    if (limits.file_size) set_limit(RLIMIT_FSIZE, limits.file_size, limits.file_size);
    if (limits.processes) set_limit(RLIMIT_NPROC, limits.processes, limits.processes);
    set_limit(RLIMIT_NOFILE, 256, 256);
    set_limit(RLIMIT_CORE, 0, 0);
    set_limit(RLIMIT_STACK, RLIM_INFINITY, RLIM_INFINITY);
    int refused = private_folder ? restrict_program() : 0;
    syscall(SYS_close_range, 3, ~0U, 0);
    if (!refused && strchr(arguments[0], '/')) execve(arguments[0], arguments, environment);
    else if (!refused) execvpe(arguments[0], arguments, environment);
    *failure = refused ? refused : errno;
    _exit(127);
}

static int64_t now_us(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time)) return 0;
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

/* Return the resident bytes of all processes in the box but us. Pages that a fork shares count for each process. */
static uint64_t resident_bytes(void)
{
    uint64_t pages = 0;
    DIR *folder = opendir("/proc");
    if (!folder) return 0;                              /* no /proc in this box */
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[300];
        unsigned long size, resident;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || atoi(entry->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/%s/statm", entry->d_name);
        FILE *stream = fopen(path, "re");
        if (stream && fscanf(stream, "%lu %lu", &size, &resident) == 2) pages += resident;
        if (stream) fclose(stream);
    }
    closedir(folder);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Wait for the end of `pid`, or for the wall, CPU or memory cap. Returns the flag of the cap that was hit. */
static int await_end(pid_t pid, int64_t start)
{
    clockid_t clock;
    struct pollfd handles[] = {{syscall(SYS_pidfd_open, pid, 0), POLLIN, 0}, {0, 0, 0}};
    int flag = 0, watch = limits.memory_together && !private_folder; /* /proc shows others there */
    int64_t next_check = start + MEMORY_CHECK_US;
    if (handles[0].fd < 0 || clock_getcpuclockid(pid, &clock)) _exit(73);
    for (;;) {
        int64_t wall = (int64_t)limits.wall_us - (now_us(CLOCK_MONOTONIC) - start);
        int64_t cpu = (int64_t)limits.kill_cpu_us - now_us(clock);
        if (wall <= 0) flag = WALL_CAP;
        if (cpu <= 0) flag = CPU_CAP;
        int64_t wait = wall < cpu ? wall : cpu, check = next_check - now_us(CLOCK_MONOTONIC);
        if (watch && check <= 0) {
            if (resident_bytes() > limits.memory_together) flag = MEMORY_CAP;
            check = MEMORY_CHECK_US;
            next_check = now_us(CLOCK_MONOTONIC) + check;
        }
        if (watch && check < wait) wait = check;
        poll(handles, 2, flag ? 0 : (int)(wait / 1000 + 1));
        if (handles[1].revents) leave();   /* the host hung up */
        if (handles[0].revents) flag = 0;
        if (handles[0].revents || flag) break;
    }
    close(handles[0].fd);
    return flag;
}

static uint64_t run_delay_us(pid_t pid)
{
    char path[64], text[128];
    unsigned long long running, delay = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    return sscanf(text, "%llu %llu", &running, &delay) == 2 ? delay / 1000 : 0;
}

static uint64_t cpu_of(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000ULL + usage->ru_utime.tv_usec
           + usage->ru_stime.tv_usec;
}

static int kill_all(void) { return private_folder ? kill_descendants() : kill(-1, SIGKILL) == 0; }

/* Kill and reap all that is left in the box, and add its CPU. Orphans become our children: none is left when there is
 * no child any more. */
static void reap_leftovers(struct reply *reply)
{
    struct rusage usage;
    for (;;) {
        int status, options = kill_all() ? 0 : WNOHANG;
        pid_t pid;
        while ((pid = wait4(-1, &status, options, &usage)) > 0) {
            options = WNOHANG;
            reply->cpu_us += cpu_of(&usage);
            if ((uint64_t)usage.ru_maxrss > reply->peak_kib) reply->peak_kib = usage.ru_maxrss;
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) reply->leftovers++;
        }
        if (pid < 0 && errno != EINTR) return;
    }
}

/* Empty a folder. Returns nonzero when something stays: the host then takes a new box. */
static int wipe(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), left = 0;
    DIR *folder = fd < 0 || depth > DEPTH_LIMIT ? NULL : fdopendir(fd);
    if (!folder) return 1;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat seen;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (fstatat(fd, entry->d_name, &seen, AT_SYMLINK_NOFOLLOW)) continue;
        if (S_ISDIR(seen.st_mode)) {
            fchmodat(fd, entry->d_name, 0700, 0);
            left |= wipe(fd, entry->d_name, depth + 1);
            left |= unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0;
        } else {
            left |= unlinkat(fd, entry->d_name, 0) != 0;
        }
    }
    closedir(folder);
    return left;
}

static int wipe_folders(void)
{
    int left = 0;
    chmod(folders[0], 0700);
    for (int i = 0; folders[i]; i++) left |= wipe(AT_FDCWD, folders[i], 0);
    return left;
}

/* End, and leave nothing behind; under bubblewrap all that was in the box ends with us. */
static _Noreturn void leave(void)
{
    struct reply ignored = {0};
    if (private_folder) {
        reap_leftovers(&ignored);
        wipe_folders();
        for (int i = 0; folders[i]; i++) rmdir(folders[i]);
        rmdir(private_folder);
    }
    _exit(0);
}

/* Files are written anew: a program can change its own through a mapping and leave no trace but the content. */
static int restore_box(void)
{
    int left = wipe_folders();
    for (uint32_t i = 0; i < file_count; i++) left |= write_file(&files[i]);
    return left;
}

static void send_memory(int fd, uint64_t limit)
{
    struct stat seen;
    fstat(fd, &seen);
    uint64_t size = seen.st_size;
    if (size > limit) size = limit;
    char *data = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (data == MAP_FAILED) _exit(74);
    send_u32(size);
    if (size) {
        send_bytes(data, size);
        munmap(data, size);
    }
}

/* Send every regular file below the working folder: u32 1, name, mode, content. */
/* Send the files below `prefix`, or with `count` nothing: then add up their sizes (sparse files are large too). */
static void send_files(const char *prefix, int depth, uint64_t *count)
{
    DIR *folder = opendir(*prefix ? prefix : ".");
    if (!folder || depth > DEPTH_LIMIT) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        struct stat seen;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
        if (lstat(path, &seen)) continue;
        if (S_ISDIR(seen.st_mode)) send_files(path, depth + 1, count);
        if (count && S_ISREG(seen.st_mode)) *count += seen.st_size;
        int fd = S_ISREG(seen.st_mode) && !count ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        if (fd < 0) continue;
        send_u32(1);
        send_u32(strlen(path));
        send_bytes(path, strlen(path));
        send_u32(seen.st_mode & 0777);
        send_memory(fd, limits.file_size ? limits.file_size : 1ULL << 30);
        close(fd);
    }
    closedir(folder);
}

static int memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) _exit(75);
    return fd;
}

static void run_input(const char *input, uint32_t size)
{
    int in = memory_file("stdin"), out = memory_file("stdout"), err = memory_file("stderr"), status = 0;
    volatile int failure = 0;
    struct reply reply = {0};
    struct rusage usage;
    for (uint32_t done = 0; done < size;) {
        ssize_t n = write(in, input + done, size - done);
        if (n <= 0) _exit(76);
        done += n;
    }
    lseek(in, 0, SEEK_SET);
    int64_t start = now_us(CLOCK_MONOTONIC);
    pid_t pid = vfork();
    if (pid < 0) _exit(77);
    if (!pid) become_program(in, out, err, &failure);
    reply.flags = await_end(pid, start);
    reply.delay_us = run_delay_us(pid);
    if (reply.flags) kill_all();
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) { }
    reply.wall_us = now_us(CLOCK_MONOTONIC) - start;
    reply.cpu_us = cpu_of(&usage);
    reply.peak_kib = usage.ru_maxrss;
    reap_leftovers(&reply);
    reply.status = failure ? failure : status;
    if (failure) reply.flags |= NO_EXEC;
    struct stat seen[2];
    fstat(out, &seen[0]);
    fstat(err, &seen[1]);
    reply.output_size = seen[0].st_size > seen[1].st_size ? seen[0].st_size : seen[1].st_size;
    if (!limits.return_files && restore_box()) reply.flags |= DIRTY;
    uint64_t total = 0;
    if (limits.return_files) send_files("", 0, &total);
    if (total > RETURNED_BYTES) reply.flags |= TOO_LARGE;
    send_bytes(&reply, sizeof reply);
    send_memory(out, limits.file_size ? limits.file_size : 1ULL << 30);
    send_memory(err, limits.stderr_kept);
    if (limits.return_files && !(reply.flags & TOO_LARGE)) send_files("", 0, NULL);
    send_u32(0);
    close(in);
    close(out);
    close(err);
}

int main(int count, char **words)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);  /* Python ignores SIGPIPE, SIGXFSZ */
    prctl(PR_SET_DUMPABLE, 0);                                              /* closes /proc/1 to the program */
    umask(022);
    if (count > 4) {
        private_folder = words[1];
        prepare_fallback(words + 1, folders);
    }
    if (chdir(folders[0])) _exit(78);
    receive_job();
    if (private_folder) make_filter(limits.return_files);
    for (;;) {
        uint32_t size = receive_u32();
        if (size == END_OF_JOB) leave();
        char *input = malloc((size_t)size + 1);
        if (!input) _exit(70);
        receive(input, size);
        run_input(input, size);
        free(input);
    }
}
