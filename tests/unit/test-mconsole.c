/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mconsole.c - the console's wire format: datagrams that kernels sent, and what nobody should
 * send. */

#include "test.h"

#include "uml/mconsole.h"

/* A datagram in memory of exactly its size, so that a sanitizer sees every byte read behind it, and
 * at an odd address, as nothing promises another. */
typedef struct Datagram {
        char *block, *data;
        size_t size;
} Datagram;

static Datagram new_datagram(const char *bytes, size_t size) {
        char *block = test_malloc(size + 1);

        memcpy(block + 1, bytes, size);
        return (Datagram){ block, block + 1, size };
}

#define DATAGRAM(bytes) new_datagram(bytes, sizeof(bytes) - 1)

typedef struct Bytes {
        const char *bytes;
        size_t size;
} Bytes;

#define BAD(b)                                                                                     \
        { b, sizeof(b) - 1 }

#define assert_text(actual, length, expected)                                                      \
        do {                                                                                       \
                assert_int_equal(length, strlen(expected));                                        \
                assert_memory_equal(actual, expected, length);                                     \
        } while (0)

static void test_notify_socket(void **state) {
        Datagram d = DATAGRAM("\xbe\xba\xfe\xca\x02\0\0\0\0\0\0\0\x22\0\0\0"
                              "/tmp/uml/run/some-guest1/mconsole\0");
        MconsoleNotify n;

        assert_int_equal(d.size, 50); /* as measured */
        ASSERT_OK(mconsole_parse_notify(d.data, d.size, &n));
        assert_int_equal(n.type, MCONSOLE_SOCKET);
        assert_text(n.data, n.len, "/tmp/uml/run/some-guest1/mconsole");
        test_free(d.block);
}

static void test_notify_panic(void **state) {
        Datagram d =
                DATAGRAM("\xbe\xba\xfe\xca\x02\0\0\0\x01\0\0\0\x16\0\0\0sysrq triggered crash\0");
        MconsoleNotify n;

        ASSERT_OK(mconsole_parse_notify(d.data, d.size, &n));
        assert_int_equal(n.type, MCONSOLE_PANIC);
        assert_text(n.data, n.len, "sysrq triggered crash");
        test_free(d.block);
}

/* uml_watchdog: version 0, 24 bytes, two of them announced. */
static void test_notify_hang(void **state) {
        Datagram d = DATAGRAM("\xbe\xba\xfe\xca\0\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0");
        MconsoleNotify n;

        assert_int_equal(d.size, 24);
        ASSERT_OK(mconsole_parse_notify(d.data, d.size, &n));
        assert_int_equal(n.type, MCONSOLE_HANG);
        assert_int_equal(n.len, 0);
        test_free(d.block);
}

/* What a guest writes is passed on as it is, for the reader to escape. */
static void test_notify_user(void **state) {
        Datagram d = DATAGRAM("\xbe\xba\xfe\xca\x02\0\0\0\x03\0\0\0\x0a\0\0\0READY=1\n\x1b[");
        MconsoleNotify n;

        ASSERT_OK(mconsole_parse_notify(d.data, d.size, &n));
        assert_int_equal(n.type, MCONSOLE_USER);
        assert_text(n.data, n.len, "READY=1\n\x1b[");
        test_free(d.block);
}

static void test_notify_refused(void **state) {
        static const Bytes bad[] = {
                BAD(""),
                BAD("\xbe\xba\xfe\xca"),
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\0\0\0\0\0\0\0"),     /* one byte short */
                BAD("\xca\xfe\xba\xbe\x02\0\0\0\0\0\0\0\0\0\0\0"),   /* the other byte order */
                BAD("\xbe\xba\xfe\xca\x01\0\0\0\0\0\0\0\0\0\0\0"),   /* version 1 */
                BAD("\xbe\xba\xfe\xca\x03\0\0\0\0\0\0\0\0\0\0\0"),   /* version 3 */
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\x04\0\0\0\0\0\0\0"), /* unknown type */
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\xff\xff\xff\xff\0\0\0\0"), /* type -1 */
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\0\0\0\0\x01\0\0\0"), /* announces more than it has
                                                                      */
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\0\0\0\0\xff\xff\xff\xff/x"),
                BAD("\xbe\xba\xfe\xca\x02\0\0\0\0\0\0\0\xf0\xff\xff\xff/x"), /* wraps with the
                                                                                header */
                BAD("READY=1\n"),
        };
        char big[MCONSOLE_DATAGRAM_MAX + 1] = "\xbe\xba\xfe\xca\x02";
        MconsoleNotify n = { .len = 77 };

        FOREACH_ELEMENT (b, bad) {
                Datagram d = new_datagram(b->bytes, b->size);

                ASSERT_ERROR(mconsole_parse_notify(d.data, d.size, &n), EBADMSG);
                test_free(d.block);
        }
        ASSERT_OK(mconsole_parse_notify(big, MCONSOLE_DATAGRAM_MAX, &(MconsoleNotify){}));
        ASSERT_ERROR(mconsole_parse_notify(big, MCONSOLE_DATAGRAM_MAX + 1, &n), EBADMSG);
        assert_int_equal(n.len, 77); /* untouched by every refusal */
}

static void test_reply_done(void **state) {
        Datagram d = DATAGRAM("\0\0\0\0\0\0\0\0\x16\0\0\0Linux (none) 7.2.7 #1\0");
        MconsoleReply r;

        ASSERT_OK(mconsole_parse_reply(d.data, d.size, &r));
        assert_int_equal(r.error, 0);
        assert_false(r.more);
        assert_text(r.data, r.len, "Linux (none) 7.2.7 #1");
        test_free(d.block);
}

static void test_reply_more(void **state) {
        Datagram d = DATAGRAM("\0\0\0\0\x01\0\0\0\x02\0\0\0\n\0");
        MconsoleReply r;

        ASSERT_OK(mconsole_parse_reply(d.data, d.size, &r));
        assert_true(r.more);
        assert_text(r.data, r.len, "\n");
        test_free(d.block);
}

static void test_reply_errors(void **state) {
        Datagram unknown = DATAGRAM("\x01\0\0\0\0\0\0\0\x10\0\0\0Unknown command\0");
        Datagram busy = DATAGRAM("\xf0\xff\xff\xff\0\0\0\0\x1a\0\0\0Device is currently open.\0");
        Datagram empty = DATAGRAM(
                "\x01\xf0\xff\xff\0\0\0\0\0\0\0\0"); /* -4095, the last errno there can be */
        MconsoleReply r;

        ASSERT_OK(mconsole_parse_reply(unknown.data, unknown.size, &r));
        assert_int_equal(r.error, 1);
        assert_text(r.data, r.len, "Unknown command");
        ASSERT_OK(mconsole_parse_reply(busy.data, busy.size, &r));
        assert_int_equal(r.error, -EBUSY);
        ASSERT_OK(mconsole_parse_reply(empty.data, empty.size, &r));
        assert_int_equal(r.error, -4095);
        assert_int_equal(r.len, 0);
        test_free(unknown.block);
        test_free(busy.block);
        test_free(empty.block);
}

static void test_reply_without_header(void **state) {
        static const char text[] =
                "ERR Version 0 mconsole clients are not supported by this driver";
        Datagram d = DATAGRAM(text);
        MconsoleReply r;

        assert_int_equal(d.size, 63); /* as measured */
        ASSERT_OK(mconsole_parse_reply(d.data, d.size, &r));
        assert_int_equal(r.error, 1);
        assert_false(r.more);
        assert_text(r.data, r.len, text);
        test_free(d.block);
}

static void test_reply_refused(void **state) {
        static const Bytes bad[] = {
                BAD(""),
                BAD("ERR"),
                BAD("\0\0\0\0\0\0\0\0\0\0\0"),              /* one byte short */
                BAD("\x02\0\0\0\0\0\0\0\0\0\0\0"),          /* no such error */
                BAD("\0\xf0\xff\xff\0\0\0\0\0\0\0\0"),      /* -4096 */
                BAD("\0\0\0\x80\0\0\0\0\0\0\0\0"),          /* the most negative number */
                BAD("\0\0\0\0\x02\0\0\0\0\0\0\0"),          /* no such truth */
                BAD("\0\0\0\0\0\0\0\0\x02\0\0\0x"),         /* announces more than it has */
                BAD("\0\0\0\0\0\0\0\0\xf4\xff\xff\xffxyz"), /* wraps with the header */
                BAD("Hello, is this the console?"),
        };
        char big[MCONSOLE_DATAGRAM_MAX + 1] = "ERR ";
        MconsoleReply r = { .len = 77 };

        FOREACH_ELEMENT (b, bad) {
                Datagram d = new_datagram(b->bytes, b->size);

                ASSERT_ERROR(mconsole_parse_reply(d.data, d.size, &r), EBADMSG);
                test_free(d.block);
        }
        ASSERT_ERROR(mconsole_parse_reply(big, sizeof(big), &r), EBADMSG);
        assert_int_equal(r.len, 77);
}

static void test_request(void **state) {
        static const char expected[] = "\xbe\xba\xfe\xca\x02\0\0\0\x07\0\0\0version";
        char longest[MCONSOLE_MAX_DATA + 2];
        MconsoleRequest request;

        memset(&request, 0xff, sizeof(request));
        assert_int_equal(mconsole_build_request("version", &request), 19);
        assert_memory_equal(&request, expected, 19);
        assert_int_equal(request.data[7],
                         0); /* nothing of the stack goes out, whatever size is sent */
        assert_int_equal(request.data[MCONSOLE_MAX_DATA - 1], 0);

        memset(longest, 'x', sizeof(longest));
        longest[MCONSOLE_MAX_DATA + 1] = '\0';
        ASSERT_ERROR(mconsole_build_request(longest, &request), E2BIG);
        assert_int_equal(request.len, 7);
        longest[MCONSOLE_MAX_DATA] = '\0';
        assert_int_equal(mconsole_build_request(longest, &request), 524);
        assert_int_equal(request.len, MCONSOLE_MAX_DATA);
        assert_int_equal(mconsole_build_request("", &request), 12);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_notify_socket),
                cmocka_unit_test(test_notify_panic),
                cmocka_unit_test(test_notify_hang),
                cmocka_unit_test(test_notify_user),
                cmocka_unit_test(test_notify_refused),
                cmocka_unit_test(test_reply_done),
                cmocka_unit_test(test_reply_more),
                cmocka_unit_test(test_reply_errors),
                cmocka_unit_test(test_reply_without_header),
                cmocka_unit_test(test_reply_refused),
                cmocka_unit_test(test_request),
        };

        return RUN_TESTS(tests);
}
