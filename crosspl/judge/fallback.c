/* The box without namespaces, for machines that forbid them: what the supervisor does instead of bubblewrap.
 *
 * In: the supervisor's arguments FOLDER HOW FILTER_FD PATH...: a private folder with box/ and tmp/, "landlock" or
 * "none", the shipped system-call filter, what programs may read and execute. Out: restrict_program() for the first
 * process of a program, kill_descendants() for what it leaves. "none" leaves out Landlock alone. Landlock does not rule
 * modes and times of files, System V IPC, sockets with a path, limits of other processes: a second filter does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* From linux/landlock.h, which older systems lack. The numbers are the same on all machines. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, MAKE_CHAR = 64, MAKE_BLOCK = 2048, TRUNCATE = 1 << 14,
       IOCTL_DEV = 1 << 15 };
enum { FILE_ACCESS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE, BIND_AND_CONNECT_TCP = 3, ABSTRACT_AND_SIGNAL = 3 };
enum { LOWEST_ABI = 4, IOCTL_ABI = 5, SCOPE_ABI = 6, FILTER_SIZE = 512 };

struct ruleset { uint64_t files, network, scoped; };
struct path_rule { uint64_t access; int32_t folder; } __attribute__((packed));

static int ruleset = -1;
static long abi;
static struct sock_filter shipped[4096], own[FILTER_SIZE];
static struct sock_fprog shipped_program = {0, shipped}, own_program = {0, own};

static void allow(const char *path, uint64_t access)
{
    struct stat seen;
    struct path_rule rule = {access, open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0) return;                        /* not on this machine */
    if (!fstat(rule.folder, &seen) && !S_ISDIR(seen.st_mode)) rule.access &= FILE_ACCESS;
    if (syscall(ADD_RULE, ruleset, 1, &rule, 0)) _exit(80);
    close(rule.folder);
}

static void make_ruleset(char *const *folders, char **readable)
{
    abi = syscall(CREATE_RULESET, NULL, 0, 1);
    if (abi < LOWEST_ABI) {
        if (abi < 0) fprintf(stderr, "Landlock: %s\n", strerror(errno));
        else fprintf(stderr, "Landlock: version %ld, needs %d (Linux 6.7)\n", abi, LOWEST_ABI);
        _exit(81);
    }
    uint64_t all = abi >= IOCTL_ABI ? 0xffff : 0x7fff;
    struct ruleset wanted = {all, BIND_AND_CONNECT_TCP, abi >= SCOPE_ABI ? ABSTRACT_AND_SIGNAL : 0};
    ruleset = syscall(CREATE_RULESET, &wanted, sizeof wanted, 0);
    if (ruleset < 0) _exit(82);
    fcntl(ruleset, F_SETFD, FD_CLOEXEC);
    for (; *readable; readable++) allow(*readable, EXECUTE | READ_FILE | READ_DIR);
    allow("/dev/null", READ_FILE | WRITE_FILE | TRUNCATE);
    allow("/dev/zero", READ_FILE);
    allow("/dev/random", READ_FILE);
    allow("/dev/urandom", READ_FILE);
    for (; *folders; folders++) allow(*folders, all & ~(uint64_t)(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV));
}

static void add(struct sock_filter instruction)
{
    if (own_program.len == FILTER_SIZE) _exit(83);
    own[own_program.len++] = instruction;
}

static void load(uint32_t offset) { add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }

static void refuse(uint32_t call)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

/* The call returns `error` unless (word & mask) == value; `word` counts 32-bit halves of arguments, low half first. */
static void refuse_unless(uint32_t call, int word, uint32_t mask, uint32_t value, int error)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 5));
    load(offsetof(struct seccomp_data, args) + 4 * word);
    add((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
    load(offsetof(struct seccomp_data, nr));
}

/* The filter on top of the shipped one. A compiler may change modes by path: linkers do. */
void make_filter(int compiling)
{
    static const uint32_t refused[] = {
        SYS_socket, SYS_connect,     /* a socket with a path may be the user's D-Bus or tmux: a way out */
        SYS_shmget, SYS_shmat, SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_semget, SYS_semop,
        SYS_semctl, SYS_semtimedop, SYS_mq_open, SYS_mq_unlink, SYS_ioprio_set,
    };
    static const uint32_t no_effect[] = {               /* on others; runtimes set their threads, and end on an error */
        SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setattr,
    };
    static const uint32_t by_path[] = {                 /* Landlock does not look at these */
        SYS_fchmodat, 452 /* fchmodat2 */, SYS_fchownat, SYS_setxattr, SYS_lsetxattr, SYS_removexattr,
        SYS_lremovexattr, 463 /* setxattrat */, 466 /* removexattrat */, 469 /* file_setattr */,
#ifdef SYS_chmod
        SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
    };
    load(offsetof(struct seccomp_data, nr));            /* the shipped filter has checked the architecture */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) refuse(refused[i]);
    for (size_t i = 0; i < sizeof no_effect / sizeof *no_effect; i++) refuse_unless(no_effect[i], 0, ~0U, 0, 0);
    refuse_unless(SYS_prlimit64, 0, ~0U, 0, EPERM);
    for (size_t i = 0; !compiling && i < sizeof by_path / sizeof *by_path; i++) refuse(by_path[i]);
    for (int half = 2; !compiling && half < 4; half++) refuse_unless(SYS_utimensat, half, ~0U, 0, EPERM);
    refuse_unless(SYS_socketpair, 2, 0xf, SOCK_STREAM, EPERM); /* datagram sockets connect anew */
    for (int word = 0; word < 4; word += 2) refuse_unless(SYS_setpriority, word, ~0U, 0, EPERM);
    if (abi < SCOPE_ABI) {                              /* else kill(-1) reaches the program's own processes only */
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 4));
        load(offsetof(struct seccomp_data, args));
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ~0U, 0, 1));
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
        load(offsetof(struct seccomp_data, nr));
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/* Read the arguments and fill `folders` with the folders that programs may write. */
void prepare_fallback(char **arguments, char **folders)
{
    int filter = atoi(arguments[2]);
    ssize_t size;
    if (!geteuid() || !getuid()) _exit(84);             /* limits and files mean nothing to root */
    if (asprintf(&folders[0], "%s/box", arguments[0]) < 0) _exit(70);
    if (asprintf(&folders[1], "%s/tmp", arguments[0]) < 0) _exit(70);
    folders[2] = NULL;
    for (char *at = (char *)shipped; (size = read(filter, at, (char *)(shipped + 4096) - at)) > 0; at += size)
        shipped_program.len += size / sizeof *shipped;
    close(filter);
    if (!shipped_program.len || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) _exit(85);
    signal(SIGPIPE, SIG_IGN);                           /* when the host dies there is still something to clean */
    if (!strcmp(arguments[1], "landlock")) make_ruleset(folders, arguments + 3);
}

/* In the program's first process, before exec and after vfork. Returns 0 or errno. */
int restrict_program(void)
{
    signal(SIGPIPE, SIG_DFL);
    if (ruleset >= 0) allow("/proc/self", READ_FILE | READ_DIR);   /* its own entry alone: Mono reads its memory map */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    if (ruleset >= 0 && syscall(RESTRICT_SELF, ruleset, 0)) return errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &shipped_program)) return errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &own_program) ? errno : 0;
}

/* Return the children of one thread, ended by 0; the caller frees the list. */
static pid_t *children_of(pid_t pid, const char *thread)
{
    char path[64];
    size_t count = 0;
    pid_t *list = calloc(1, sizeof *list);
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    FILE *stream = list ? fopen(path, "re") : NULL;
    while (stream && fscanf(stream, "%d", &list[count]) == 1) {
        pid_t *longer = realloc(list, (++count + 1) * sizeof *list);
        if (!longer) _exit(70);
        list = longer;
    }
    if (list) list[count] = 0;
    if (stream) fclose(stream);
    return list;
}

/* Kill all that descends from `pid` and return how many that were. Each is stopped before its children are listed:
 * from then on it forks no more, yet counts for RLIMIT_NPROC, so that a fork bomb does not grow back behind us. */
static int kill_below(pid_t pid)
{
    char path[64];
    int killed = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    char (*names)[16] = NULL;
    size_t count = 0;
    for (struct dirent *entry; threads && (entry = readdir(threads));) {
        if (entry->d_name[0] == '.') continue;
        names = realloc(names, (count + 1) * sizeof *names);
        if (!names) _exit(70);
        snprintf(names[count++], sizeof *names, "%.15s", entry->d_name);
    }
    if (threads) closedir(threads);                     /* a chain of processes is deep: hold nothing open */
    for (size_t i = 0; i < count; i++) {
        pid_t *list = children_of(pid, names[i]);
        for (pid_t *child = list; child && *child; child++, killed++) {
            kill(*child, SIGSTOP);
            killed += kill_below(*child);
            kill(*child, SIGKILL);
        }
        free(list);
    }
    free(names);
    return killed;
}

int kill_descendants(void) { return kill_below(getpid()); }
