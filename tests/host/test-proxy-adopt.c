/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-proxy-adopt.c - a relay whose umld died at the worst moment: it is left to the next one, and
 * has not been let start. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "private-net.h"

#include "basic/fd-util.h"
#include "basic/time-util.h"
#include "daemon/net/proxy.h"

#define PATIENCE (60 * USEC_PER_SEC)

enum {
        HOST_PORT = 8080,
        IDLE_PORT = 8081,
        GUEST_PORT = 7000,
};

static struct sockaddr_in address_of(uint16_t port) {
        return (struct sockaddr_in){ .sin_family = AF_INET,
                                     .sin_port = htons(port),
                                     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static int tcp_socket(void) {
        return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* ---- the umld that dies ---- */

typedef struct Last {
        Proxies *proxies;
        int store, client;
} Last;

/* What it leaves, and nothing after that. */
static void leave_and_die(bool now, void *userdata) {
        const Last *last = userdata;
        SavedText text;
        Keeper keeper = {};

        if (!now)
                return;
        keeper_begin(&keeper, last->store);
        keeper_list(&keeper);
        assert(saved_begin(&text) >= 0);
        proxies_save(last->proxies, &text, &keeper);
        keeper_put(&keeper, "client", last->client);
        keeper_put(&keeper, "state", saved_finish(&text, "/run"));
        _exit(keeper.error < 0);
}

static void die_at_the_first_call(int store) {
        const Forward port = { FORWARD_TCP, HOST_PORT, IDLE_PORT, GUEST_PORT };
        const struct sockaddr_in host = address_of(HOST_PORT);
        Last last = { .store = store, .client = tcp_socket() };
        sd_event *event = NULL;
        uint16_t failed;

        assert(sd_event_new(&event) >= 0);
        assert(proxies_new(event, getenv("UMLD_INIT"), true, &last.proxies) >= 0);
        proxies_on_change(last.proxies, leave_and_die, &last);
        assert(proxies_prepare(last.proxies, &port, 1, host.sin_addr, &failed) >= 0);
        proxies_commit(last.proxies);
        proxies_set_phase(last.proxies, PROXY_RELAY);
        assert(connect(last.client, (const struct sockaddr *) &host, sizeof(host)) >= 0);
        while (sd_event_run(event, UINT64_MAX) >= 0)
                ;
        _exit(2);
}

static Adoption *estate_of_a_dead_one(void) {
        Adoption *a = calloc(1, sizeof(*a));
        int pair[2], status, fd = -EBADF, r;
        StoreMessage m = {};
        pid_t pid;

        assert_non_null(a);
        a->socket = -EBADF;
        ASSERT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
        pid = tied_fork();
        if (pid == 0)
                die_at_the_first_call(pair[1]);
        safe_close(pair[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        /* Its end is seen when the child that it made has been executed, and has closed it, too. */
        while ((r = store_receive(pair[0], &m, &fd)) >= 0) {
                struct pollfd p = { .fd = pair[0], .events = POLLIN };

                if (r == 0) {
                        assert_int_equal(poll(&p, 1, PATIENCE / USEC_PER_MSEC), 1);
                        continue;
                }
                snprintf(a->items[a->n].name, sizeof(a->items[a->n].name), "%s", m.name);
                a->items[a->n++].fd = fd;
        }
        assert_int_equal(r, -ECONNRESET);
        safe_close(pair[0]);
        fd = ASSERT_OK(adoption_take(a, "state"));
        ASSERT_OK(saved_read(fd, &a->saved));
        safe_close(fd);
        return a;
}

/* ---- the next one ---- */

/* As umld-init has one. */
static int copy_of(const Adoption *a, const char *name) {
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i].name, name) == 0)
                        return ASSERT_OK(dup(a->items[i].fd));
        fail_msg("there is no %s", name);
        return -EBADF;
}

static void run_until(sd_event *event, bool (*done)(Proxies *p), Proxies *p) {
        usec_t until = usec_add(now_usec(CLOCK_MONOTONIC), PATIENCE);
        char text[PROXY_TEXT_MAX];

        while (!done(p)) {
                if (now_usec(CLOCK_MONOTONIC) > until)
                        fail_msg("%s", proxies_count(p) > 0 ? proxies_text(p, 0, text) : "");
                ASSERT_OK(sd_event_run(event, 10 * USEC_PER_MSEC));
        }
}

static bool is_running(Proxies *p) {
        char text[PROXY_TEXT_MAX];

        return strstr(proxies_text(p, 0, text), "(running, pid ") != NULL;
}

static bool has_ended(Proxies *p) {
        return proxies_ending(p) == 0;
}

/* Although another process still has the socket that listened there. */
static void check_free(uint16_t port) {
        const struct sockaddr_in address = address_of(port);
        int fd = tcp_socket(), on = 1;

        ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
        ASSERT_OK(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
        ASSERT_OK(listen(fd, 1));
        safe_close(fd);
}

static int accept_soon(int listener) {
        struct pollfd p = { .fd = listener, .events = POLLIN };

        assert_int_equal(poll(&p, 1, PATIENCE / USEC_PER_MSEC), 1);
        return ASSERT_OK(accept(listener, NULL, NULL));
}

static void test_not_let_start(void **state) {
        const struct sockaddr_in guest = address_of(GUEST_PORT);
        int listener = tcp_socket(), client, served, copy;
        sd_event *event = NULL;
        Proxies *p = NULL;
        char got[6] = "";
        Adoption *a;

        ASSERT_OK(bind(listener, (const struct sockaddr *) &guest, sizeof(guest)));
        ASSERT_OK(listen(listener, 1));
        a = estate_of_a_dead_one();
        client = ASSERT_OK(adoption_take(a, "client"));
        copy = copy_of(a, "listen-8081");
        ASSERT_OK(sd_event_new(&event));
        ASSERT_OK(proxies_new(event, getenv("UMLD_INIT"), true, &p));
        proxies_adopt(p, a);
        assert_int_equal(proxies_count(p), 2);
        adoption_free(a);
        proxies_set_phase(p, PROXY_RELAY);
        run_until(event, is_running, p);
        served = accept_soon(listener);
        assert_int_equal(write(client, "hello", 5), 5);
        assert_int_equal(recv(served, got, 5, MSG_WAITALL), 5);
        assert_string_equal(got, "hello");
        proxies_close(p);
        check_free(IDLE_PORT);
        run_until(event, has_ended, p);
        proxies_free(p);
        sd_event_unref(event);
        safe_close(copy);
        safe_close(served);
        safe_close(client);
        safe_close(listener);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_not_let_start),
        };

        private_net_enter();
        shell("ip link set lo up");
        return RUN_TESTS(tests);
}
