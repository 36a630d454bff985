/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-run.c - runs nft(8) commands through libnftables, which is loaded only in a child.
 *
 * The library and its dependencies are larger than umld itself, and few hosts need them: so umld is
 * not linked to them, and the memory that they leave behind is freed with the child. */

#include <dlfcn.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/log.h"

#include "nat/nft-run.h"

#include <nftables/libnftables.h>

#define LIBRARY "libnftables.so.1"

#define PATIENCE (30 * USEC_PER_SEC) /* it takes some 10 ms */

enum {
        SAID_MAX = 4096,       /* of what the library says: the first failure is the cause */
        ANSWERS_MAX = 1 << 22, /* bytes of the kernel's answers to one transaction */
};

/* Exit statuses of the child. */
enum {
        RUN_DONE,
        RUN_REFUSED,
        RUN_NO_LIBRARY,
};

typedef struct Library {
        typeof(nft_ctx_new) *ctx_new;
        typeof(nft_ctx_buffer_error) *buffer_error;
        typeof(nft_ctx_get_error_buffer) *get_error_buffer;
        typeof(nft_run_cmd_from_filename) *run_cmd_from_filename;
} Library;

/* Returns the handle of dlopen(), or NULL. */
static void *load(Library *ret) {
        const struct {
                const char *name;
                void *slot;
        } symbols[] = {
                { "nft_ctx_new", &ret->ctx_new },
                { "nft_ctx_buffer_error", &ret->buffer_error },
                { "nft_ctx_get_error_buffer", &ret->get_error_buffer },
                { "nft_run_cmd_from_filename", &ret->run_cmd_from_filename },
        };
        void *handle = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

        if (!handle)
                return NULL;
        FOREACH_ELEMENT (s, symbols) {
                void *symbol = dlsym(handle, s->name);

                if (!symbol) {
                        (void) dlclose(handle);
                        return NULL;
                }
                memcpy(s->slot, &symbol, sizeof(symbol));
        }
        return handle;
}

bool nft_has_library(void) {
        Library library;
        void *handle = load(&library);

        if (handle)
                (void) dlclose(handle);
        return handle;
}

/* Kernels before 3.17 have no memfd. */
static int nameless_file(void) {
        int fd = memfd_create("nft", 0);
        FILE *file;

        if (fd >= 0 || errno != ENOSYS)
                return RET_NERRNO(fd);
        file = tmpfile(); /* freed when the process exits */
        return file ? fileno(file) : -errno;
}

/* Writes the commands to a file: the library reports the line of an error only for files. */
static int make_file(const char *commands, char path[static 32]) {
        _cleanup_close_ int fd = nameless_file();
        int r;

        if (fd < 0)
                return fd;
        r = write_all(fd, commands, strlen(commands));
        if (r < 0)
                return r;
        snprintf(path, 32, "/proc/self/fd/%d", fd);
        return TAKE_FD(fd);
}

/* The kernel answers to each command that failed. Of a few hundred the library's socket cannot hold
 * the answers (1.0.6: of some 150 to 207), and then it does not know of any. */
static void make_room_for_answers(void) {
        const int size = ANSWERS_MAX;

        int top = dup(STDERR_FILENO); /* lies above all that is open */

        for (int fd = STDERR_FILENO + 1; fd < top; fd++) {
                int protocol = -1, domain = -1;
                socklen_t length = sizeof(int);

                if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
                    domain != AF_NETLINK ||
                    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0 ||
                    protocol != NETLINK_NETFILTER)
                        continue;
                if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        }
}

/* The child: says what is wrong on fd. Whatever it holds goes with it. */
static int run(int fd, void *commands) {
        struct nft_ctx *ctx;
        Library library;
        const char *said;
        char path[32];

        if (!load(&library))
                return RUN_NO_LIBRARY;
        ctx = library.ctx_new(NFT_CTX_DEFAULT);
        if (!ctx || library.buffer_error(ctx) != 0 || make_file(commands, path) < 0)
                return RUN_REFUSED;
        make_room_for_answers();
        if (library.run_cmd_from_filename(ctx, path) == 0)
                return RUN_DONE;
        said = library.get_error_buffer(ctx);
        (void) write_all(fd, said, strlen(said));
        return RUN_REFUSED;
}

/* The kernel's error, parsed from the text: the library does not report it in any other way. */
static int refusal_errno(const char *text) {
        static const int known[] = { EPERM,  ENOENT, ENOMEM,  EACCES,     EBUSY,
                                     EEXIST, EINVAL, ENOBUFS, EOPNOTSUPP, EAGAIN };

        FOREACH_ELEMENT (e, known)
                if (strstr(text, strerror(*e)))
                        return -*e;
        return -EIO;
}

/* Lines are counted from 1; "" = there is no such line. */
static const char *nth_line(const char *text, unsigned n) {
        for (; n > 1 && *text; n--) {
                text = strchrnul(text, '\n');
                if (*text)
                        text++;
        }
        return text;
}

/* Of a list one element is enough. */
static void copy_command(const char *command, char ret[static NFT_COMMAND_MAX]) {
        bool inside = false, listed = false;
        size_t n = 0;

        for (; *command && *command != '\n' && n < NFT_COMMAND_MAX - 1; command++) {
                inside = *command == '{' || (inside && *command != '}');
                listed = inside && (listed || *command == ',');
                if (!listed)
                        ret[n++] = *command;
        }
        ret[n] = '\0';
}

/* "FILE:LINE:COLUMNS: Error: what is wrong", and on the next line the beginning of the command. */
static void read_refusal(const char *commands, const char *said, NftRefusal *ret) {
        const char *text = strstr(said, "Error: ");
        unsigned line;

        text = text ? text + strlen("Error: ") : said;
        snprintf(ret->text, sizeof(ret->text), "%.*s", (int) strcspn(text, "\n"), text);
        if (sscanf(said, "%*[^:]:%u:", &line) == 1)
                copy_command(nth_line(commands, line), ret->command);
}

struct NftRun {
        char *commands;
        Child child;
};

NftRun *nft_run_free(NftRun *run) {
        if (!run)
                return NULL;
        child_done(&run->child);
        free(run->commands);
        free(run);
        return NULL;
}

int nft_run_start(const char *commands, int lock_fd, NftRun **ret) {
        _cleanup_(nft_run_freep) NftRun *r = calloc(1, sizeof(*r));
        int error;

        if (!r || !(r->commands = strdup(commands)))
                return -ENOMEM;
        error = child_start(&r->child, &(const ChildWish){ .run = run,
                                                           .userdata = r->commands,
                                                           .patience = PATIENCE,
                                                           .keep = SAID_MAX,
                                                           .fd = MAX(lock_fd, 0) });
        if (error < 0)
                return error;
        *ret = TAKE_PTR(r);
        return 0;
}

void nft_run_kill(NftRun *run) {
        child_end(&run->child);
}

int nft_run_fd(const NftRun *run) {
        return run->child.output;
}

int nft_run_poll(NftRun *run, NftRefusal *ret_refusal) {
        const Child *c = &run->child;
        int r = child_poll(&run->child);

        *ret_refusal = (NftRefusal){};
        if (r <= 0)
                return r < 0 ? r : -EAGAIN;
        if (!c->status_known || !WIFEXITED(c->status))
                return -EIO;
        if (WEXITSTATUS(c->status) == RUN_NO_LIBRARY)
                return -ENOPKG;
        if (WEXITSTATUS(c->status) == RUN_DONE)
                return 0;
        read_refusal(run->commands, c->said, ret_refusal);
        log_debug("libnftables: %s: %s", ret_refusal->text, ret_refusal->command);
        return refusal_errno(ret_refusal->text);
}
