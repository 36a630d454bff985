/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console.c - methods Mconsole and OpenConsole. */

#include "api/bus-names.h"
#include "basic/console-text.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/boot/mconsole.h"
#include "daemon/bus/parts.h"

enum {
        REQUESTS_MAX = 16, /* at a time */
};

/* A method call whose reply is pending. */
struct MconsoleRequest {
        MconsoleRequest *next;
        GuestBus *bus;
        sd_bus_message *message;
        MconsoleCall *call;
        bool stops, goes; /* it is a command that freezes the guest, or has it go on */
};

static void request_remove(MconsoleRequest *q) {
        for (MconsoleRequest **p = &q->bus->mconsole_requests; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        break;
                }
        mconsole_call_free(q->call);
        sd_bus_message_unref(q->message);
        free(q);
}

void bus_console_done(GuestBus *b) {
        while (b->mconsole_requests)
                request_remove(b->mconsole_requests);
}

/* Converts the kernel's output to a D-Bus string. */
static char *answer_text(const char *text, size_t size) {
        ConsoleText filter = { .utf8 = true };
        char *out = malloc(CONSOLE_TEXT_ROOM(size) + 1);
        size_t n;

        if (!out)
                return NULL;
        n = console_text_put(&filter, text, size, out);
        n += console_text_end(&filter, out + n);
        out[n] = '\0';
        return out;
}

/* 1 = it stood still already, for another reason, or was not standing still. */
static void note_hold(const MconsoleRequest *q, int error) {
        if (q->stops && error == 0)
                guest_note_hold(q->bus->guest, true);
        if (q->goes && (error == 0 || error == 1))
                guest_note_hold(q->bus->guest, false);
}

static void on_answer(int error, const char *text, size_t size, bool whole, void *userdata) {
        _cleanup_free_ char *safe = answer_text(text, size);
        MconsoleRequest *q = userdata;
        int r;

        q->call = NULL; /* frees itself */
        note_hold(q, error);
        if (!safe)
                r = sd_bus_reply_method_errno(q->message, ENOMEM, NULL);
        else if (error == -ETIMEDOUT && size == 0)
                r = sd_bus_reply_method_errorf(q->message, UMLD_ERROR_FAILED,
                                               "the guest's kernel does not respond");
        else
                r = sd_bus_reply_method_return(q->message, "isb", error, safe, (int) whole);
        if (r < 0)
                log_debug_errno(r, "cannot return the kernel's reply: %m");
        request_remove(q);
}

static bool too_many(const GuestBus *b) {
        size_t n = 0;

        for (const MconsoleRequest *q = b->mconsole_requests; q; q = q->next)
                n++;
        return n >= REQUESTS_MAX;
}

/* Why this command is not sent to the kernel, as the result of sd_bus_error_setf(); 0: it may be
 * sent. */
static int refuse(const GuestBus *b, const char *command, bool force, sd_bus_error *error) {
        const Guest *g = b->guest;
        const UmlKernel *k = g->setup->host->kernel.uml;
        const char *danger;

        if (!g->boot.process || !guest_process_booted(g->boot.process))
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "the kernel is not listening while the guest is %s",
                                         guest_state_to_string(g->state));
        danger = mconsole_danger(k ? k->major : 0, command);
        if (danger && !force)
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY, "%s; use --force to do it anyway",
                                         danger);
        if (too_many(b))
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "%d commands are already waiting for a reply",
                                         REQUESTS_MAX);
        return 0;
}

int bus_console_mconsole(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        GuestBus *b = userdata;
        MconsoleRequest *q;
        const char *command;
        int force, r;

        r = sd_bus_message_read(message, "sb", &command, &force);
        if (r < 0)
                return r;
        r = refuse(b, command, force, error);
        if (r < 0)
                return r;
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->bus = b;
        q->message = sd_bus_message_ref(message);
        q->stops =
                startswith(command, "stop"); /* the kernel does not look at what follows, either */
        q->goes = startswith(command, "go");
        q->next = b->mconsole_requests;
        b->mconsole_requests = q;
        r = guest_process_mconsole(b->guest->boot.process);
        if (r >= 0)
                r = mconsole_call(b->guest->event, r, command, on_answer, q, &q->call);
        if (r >= 0) {
                _cleanup_free_ char *safe = escape_text(command, strlen(command), 200);

                log_info("management console: %s", safe ?: "");
                return 1;
        }
        request_remove(q);
        if (r == -E2BIG)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED,
                                         "a command may have at most 512 bytes");
        if (r == -EAGAIN || r == -ECONNREFUSED)
                return sd_bus_error_setf(
                        error, UMLD_ERROR_FAILED,
                        "the guest's kernel does not accept commands at the moment");
        return sd_bus_error_setf(error, UMLD_ERROR_FAILED,
                                 "cannot send the command to the guest's kernel: %s", strerror(-r));
}

/* ---- the console ---- */

/* The name of the caller for others. */
static char *caller_name(sd_bus_message *message) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        char comm[16];
        pid_t pid = 0;

        if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_PID, &creds) < 0 ||
            sd_bus_creds_get_pid(creds, &pid) < 0)
                return strdup("somebody");
        (void) process_comm(pid, comm);
        for (char *p = comm; *p; p++)
                if (*p < ' ' || *p > '~')
                        *p = '?';
        return strfmt("process %d (%s)", (int) pid, comm);
}

static bool is_root(sd_bus_message *message) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        uid_t uid;

        return sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds) >= 0 &&
               sd_bus_creds_get_euid(creds, &uid) >= 0 && uid == 0;
}

int bus_console_open(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *who = caller_name(message);
        ConsoleClients *clients = console_clients(((GuestBus *) userdata)->guest->console);
        _cleanup_close_ int fd = -EBADF;
        int read_only, force, r;
        ConsoleSize size;

        r = sd_bus_message_read(message, "bbqq", &read_only, &force, &size.rows, &size.columns);
        if (r < 0)
                return r;
        if (!who)
                return -ENOMEM;
        if (force && !is_root(message))
                return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
                                         "only root may take over the console");
        r = console_clients_add(clients, who, read_only, force, size, &fd);
        if (r == -EBUSY)
                return sd_bus_error_setf(
                        error, UMLD_ERROR_BUSY,
                        "%s has the console; use --read-only to watch, or --force to take it over",
                        console_clients_writer(clients));
        if (r == -EUSERS)
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "too many clients are attached to the console");
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(message, "h", fd);
}
