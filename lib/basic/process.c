/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.c - finds this program, and finds and kills descendants of this process. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "basic/as-owner.h"
#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define CHILDREN_MAX (1 << 20) /* bytes of a list of children */

int program_path(char **ret) {
        static const char deleted[] = " (deleted)";
        const size_t tail = sizeof(deleted) - 1;
        char path[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

        if (n < 0)
                return -errno;
        path[n] = '\0';
        if ((size_t) n > tail && streq(path + n - tail, deleted))
                path[(size_t) n - tail] = '\0';
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

int program_open(void) {
        return RET_NERRNO(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

int program_directory(char **ret) {
        _cleanup_free_ char *path = NULL;
        int r = program_path(&path);
        char *slash;

        if (r < 0)
                return r;
        slash = strrchr(path, '/');
        if (!slash)
                return -ENOENT;
        *slash = '\0';
        *ret = TAKE_PTR(path);
        return 0;
}

const char *process_comm(pid_t pid, char buf[static 16]) {
        _cleanup_free_ char *comm = NULL;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        snprintf(buf, 16, "%s", read_first_line(path, &comm) < 0 ? "?" : comm);
        for (char *p = buf; *p; p++) /* a process may call itself anything */
                if (*p < ' ' || *p > '~')
                        *p = '?';
        return buf;
}

bool process_is_hidden(pid_t pid) {
        char path[32], target[1];

        snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
        return readlink(path, target, sizeof(target)) < 0 && (errno == EACCES || errno == EPERM);
}

/* The part of /proc/PID/stat after the name, which may contain anything; the caller frees it, NULL:
 * no such process. */
static char *process_stat(pid_t pid) {
        _cleanup_free_ char *stat = NULL;
        char path[32], *p;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (read_first_line(path, &stat) < 0)
                return NULL;
        p = strrchr(stat, ')');
        return p ? strdup(p + 1) : NULL;
}

pid_t process_parent(pid_t pid) {
        _cleanup_free_ char *stat = process_stat(pid);
        int ppid;

        return stat && sscanf(stat, " %*c %d", &ppid) == 1 ? ppid : -ESRCH;
}

int process_activity(pid_t pid, char *ret_state, uint64_t *ret_cpu) {
        _cleanup_free_ char *stat = process_stat(pid);
        unsigned long user, system;
        long children_user, children_system;
        char state;

        if (!stat || sscanf(stat, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                            &state, &user, &system, &children_user, &children_system) != 5)
                return -ESRCH;
        *ret_state = state;
        *ret_cpu = (uint64_t) user + system + (uint64_t) children_user + (uint64_t) children_system;
        return 0;
}

int process_start_time(pid_t pid, uint64_t *ret) {
        _cleanup_free_ char *stat = process_stat(pid);
        unsigned long long start;
        char state;

        if (!stat ||
            sscanf(stat,
                   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                   "%*d %llu",
                   &state, &start) != 2 ||
            state == 'Z' || state == 'X')
                return -ESRCH;
        *ret = start;
        return 0;
}

/* Calls fn for each process that match() selects. Returns how many. */
static int foreach_process(bool (*match)(pid_t pid, const void *which), const void *which,
                           void (*fn)(pid_t pid, void *userdata), void *userdata) {
        _cleanup_closedir_ DIR *d = opendir("/proc");
        struct dirent *de;
        int n = 0;

        if (!d)
                return -errno;
        while ((de = readdir(d))) {
                uint64_t pid;

                if (parse_unsigned(de->d_name, 1, INT32_MAX, &pid) < 0 ||
                    !match((pid_t) pid, which))
                        continue;
                fn((pid_t) pid, userdata);
                n++;
        }
        return n;
}

/* A list that grows. */
typedef struct Pids {
        pid_t *list;
        size_t n, n_allocated;
} Pids;

static int pids_add(Pids *p, pid_t pid) {
        if (p->n == p->n_allocated) {
                size_t n = MAX(p->n_allocated * 2, (size_t) 16);
                pid_t *grown = reallocarray(p->list, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                p->list = grown;
                p->n_allocated = n;
        }
        p->list[p->n++] = pid;
        return 0;
}

/* Does the kernel list the children of a thread in a file? From 4.2 on all do that are built with
 * CONFIG_PROC_CHILDREN, the same as /proc/self/task/TID/children. */
static bool has_children_files(void) {
        char path[48];

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getpid(), getpid());
        return access(path, R_OK) >= 0;
}

static int add_children_of_thread(const char *path, Pids *p) {
        _cleanup_free_ char *text = NULL;
        char *rest, *word;

        if (read_file(path, CHILDREN_MAX, &text) < 0)
                return 0; /* it is gone */
        for (rest = text; (word = strsep(&rest, " "));) {
                uint64_t pid;
                int r = parse_unsigned(word, 1, INT32_MAX, &pid) < 0 ? 0 : pids_add(p, (pid_t) pid);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Of all threads of a process: what it costs does not grow with the other processes of the host. */
static int add_children(pid_t parent, Pids *p) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;
        char path[64];
        int r = 0;

        snprintf(path, sizeof(path), "/proc/%d/task", parent);
        d = opendir(path);
        while (d && r >= 0 && (de = readdir(d))) {
                if (de->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", parent, de->d_name);
                r = add_children_of_thread(path, p);
        }
        return r;
}

static bool is_child(pid_t pid, const void *which) {
        return process_parent(pid) == *(const pid_t *) which;
}

bool process_is_child(pid_t pid) {
        siginfo_t si;

        return waitid(P_PID, (id_t) pid, &si, WEXITED | WNOHANG | WNOWAIT) >= 0;
}

int process_foreach_child(void (*fn)(pid_t pid, void *userdata), void *userdata) {
        pid_t self = getpid();
        Pids p = {};
        int r;

        if (!has_children_files())
                return foreach_process(is_child, &self, fn, userdata);
        r = add_children(self, &p);
        for (size_t i = 0; i < p.n; i++)
                fn(p.list[i], userdata);
        free(p.list);
        return p.n > 0 ? (int) p.n : r;
}

typedef struct Family {
        struct {
                pid_t pid, parent;
                bool below;
        } * all;
        size_t n, n_allocated;
} Family;

static bool is_any(pid_t pid, const void *which) {
        return true;
}

static void add_to_family(pid_t pid, void *userdata) {
        Family *f = userdata;
        pid_t parent = process_parent(pid);

        if (parent < 0)
                return;
        if (f->n == f->n_allocated) {
                size_t n = MAX(f->n_allocated * 2, (size_t) 64);
                void *grown = reallocarray(f->all, n, sizeof(*f->all));

                if (!grown)
                        return;
                f->all = grown;
                f->n_allocated = n;
        }
        f->all[f->n].pid = pid;
        f->all[f->n].parent = parent;
        f->all[f->n++].below = false;
}

/* Adds one more generation; false if there is none. */
static bool mark_children(Family *f, pid_t root) {
        bool any = false;

        for (size_t i = 0; i < f->n; i++)
                for (size_t k = 0; !f->all[i].below && k < f->n; k++)
                        if (f->all[i].parent == root ||
                            (f->all[k].below && f->all[k].pid == f->all[i].parent))
                                any = f->all[i].below = true;
        return any;
}

int process_descendants_by_scan(pid_t root, pid_t **ret) {
        Family f = {};
        pid_t *pids;
        int r, n = 0;

        r = foreach_process(is_any, NULL, add_to_family, &f);
        while (r >= 0 && mark_children(&f, root))
                ;
        pids = r >= 0 ? calloc(f.n + 1, sizeof(*pids)) : NULL;
        for (size_t i = 0; pids && i < f.n; i++)
                if (f.all[i].below)
                        pids[n++] = f.all[i].pid;
        free(f.all);
        if (!pids)
                return r < 0 ? r : -ENOMEM;
        *ret = pids;
        return n;
}

int process_descendants(pid_t root, pid_t **ret) {
        Pids p = {};
        int r;

        if (!has_children_files())
                return process_descendants_by_scan(root, ret);
        r = add_children(root, &p);
        for (size_t i = 0; i < p.n && r >= 0; i++) /* whose children come behind them */
                r = add_children(p.list[i], &p);
        if (r < 0) {
                free(p.list);
                return r;
        }
        *ret = p.list ?: calloc(1, sizeof(pid_t));
        return *ret ? (int) p.n : -ENOMEM;
}

static bool in_our_groups(pid_t pid) {
        _cleanup_free_ char *own = NULL, *theirs = NULL;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        return read_file("/proc/self/cgroup", CHILDREN_MAX, &own) >= 0 &&
               read_file(path, CHILDREN_MAX, &theirs) >= 0 && streq(own, theirs);
}

/* Other containers whose processes are visible in our /proc may use the same uid for guests of
 * theirs. If its namespace is hidden, one in our control groups is ours. */
static bool in_other_network(pid_t pid) {
        struct stat own, other;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        if (stat("/proc/self/ns/net", &own) < 0)
                return false;
        if (stat(path, &other) < 0)
                return (errno == EACCES || errno == EPERM) && !in_our_groups(pid);
        return own.st_dev != other.st_dev || own.st_ino != other.st_ino;
}

/* /proc/PID itself is owned by the user the process runs as, dumpable or not; a zombie waits for
 * its parent and no longer counts. */
static bool is_users(pid_t pid, const void *which) {
        char path[32], state;
        uint64_t cpu;
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d", pid);
        return stat(path, &st) >= 0 && st.st_uid == *(const uid_t *) which &&
               process_activity(pid, &state, &cpu) >= 0 && state != 'Z' && state != 'X' &&
               !in_other_network(pid);
}

static void kill_one(pid_t pid, void *userdata) {
        (void) process_signal(pid, SIGKILL);
}

int process_kill_children(uint64_t timeout) {
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), timeout);

        for (;;) {
                pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

                if (pid > 0 || (pid < 0 && errno == EINTR))
                        continue;
                if (pid < 0)
                        return errno == ECHILD ? 0 : -errno;
                if (now_usec(CLOCK_MONOTONIC) >= deadline)
                        return -ETIMEDOUT;
                (void) process_foreach_child(kill_one, NULL);
                (void) usleep(500);
        }
}

static void kill_orphan(pid_t pid, void *userdata) {
        int *n = userdata;

        if (child_is_known(pid))
                return;
        (void) process_signal(pid, SIGKILL);
        (void) waitpid(pid, NULL, WNOHANG | __WALL);
        (*n)++;
}

int process_kill_orphans(void) {
        int n = 0, r = process_foreach_child(kill_orphan, &n);

        return r < 0 ? r : n;
}

int process_kill_user(uid_t uid) {
        return uid == 0 ? -EINVAL : foreach_process(is_users, &uid, kill_one, NULL);
}

bool program_installed(const char *name) {
        _cleanup_free_ char *dirs = strdup(getenv("PATH") ?: "/usr/bin:/bin");
        char *next = dirs;

        for (char *dir = strsep(&next, ":"); dir; dir = strsep(&next, ":")) {
                _cleanup_free_ char *path = strfmt("%s/%s", *dir ? dir : ".", name);

                if (path && access(path, X_OK) >= 0)
                        return true;
        }
        return false;
}
