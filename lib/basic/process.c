/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.c - finds and kills descendants of this process. */

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "basic/time-util.h"

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

static pid_t process_parent(pid_t pid) {
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

static bool is_child(pid_t pid, const void *which) {
        return process_parent(pid) == *(const pid_t *) which;
}

int process_foreach_child(void (*fn)(pid_t pid, void *userdata), void *userdata) {
        pid_t self = getpid();

        return foreach_process(is_child, &self, fn, userdata);
}

typedef struct Family {
        struct {
                pid_t pid, parent;
                bool below;
        } * all;
        size_t n, n_allocated;
} Family;

static bool is_any(pid_t pid, const void *which) {
        (void) pid;
        (void) which;
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

int process_descendants(pid_t root, pid_t **ret) {
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

/* Other containers whose processes are visible in our /proc may use the same uid for guests of
 * theirs. */
static bool in_other_network(pid_t pid) {
        struct stat own, other;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        return stat("/proc/self/ns/net", &own) >= 0 && stat(path, &other) >= 0 &&
               (own.st_dev != other.st_dev || own.st_ino != other.st_ino);
}

/* /proc/PID is owned by the user the process runs as; a zombie waits for its parent and no longer
 * counts. */
static bool is_users(pid_t pid, const void *which) {
        _cleanup_free_ char *stat_line = NULL;
        char path[32], *p;
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (stat(path, &st) < 0 || st.st_uid != *(const uid_t *) which ||
            read_first_line(path, &stat_line) < 0 || in_other_network(pid))
                return false;
        p = strrchr(stat_line, ')');
        return p && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X';
}

static void kill_one(pid_t pid, void *userdata) {
        (void) userdata;
        (void) kill(pid, SIGKILL);
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

int process_kill_user(uid_t uid, uint64_t timeout) {
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), timeout);
        int n;

        if (uid == 0)
                return -EINVAL;
        while ((n = foreach_process(is_users, &uid, kill_one, NULL)) > 0) {
                if (now_usec(CLOCK_MONOTONIC) >= deadline)
                        return -ETIMEDOUT;
                (void) usleep(500);
        }
        return n;
}
