/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-sha256.c - the digests of the standard, added in pieces of every size. */

#include "test.h"

#include "basic/cleanup.h"
#include "basic/sha256.h"

static const struct {
        const char *text;
        unsigned times;
        const char *digest;
} cases[] = {
        { "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void test_digests(void **state) {
        FOREACH_ELEMENT (c, cases) {
                char text[SHA256_TEXT + 1];
                Sha256 s;

                sha256_init(&s);
                for (unsigned i = 0; i < c->times; i++)
                        sha256_add(&s, c->text, strlen(c->text));
                sha256_text(&s, text);
                assert_string_equal(text, c->digest);
        }
}

static void test_pieces(void **state) {
        _cleanup_free_ char *data = malloc(10000);

        memset(data, 'a', 10000);
        for (size_t piece = 1; piece < 300; piece++) {
                char whole[SHA256_TEXT + 1], pieces[SHA256_TEXT + 1];
                size_t total = piece * 33;
                Sha256 s;

                sha256_init(&s);
                sha256_add(&s, data, total);
                sha256_text(&s, whole);
                sha256_init(&s);
                for (size_t i = 0; i < 33; i++)
                        sha256_add(&s, data, piece);
                sha256_text(&s, pieces);
                assert_string_equal(whole, pieces);
        }
}

static void test_parse(void **state) {
        char text[SHA256_TEXT + 1];

        assert_true(sha256_parse("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                                 text));
        assert_string_equal(text, cases[1].digest);
        assert_false(sha256_parse("", text));
        assert_false(sha256_parse("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
                                  text));
        assert_false(sha256_parse(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag", text));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_digests),
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_parse),
        };

        return RUN_TESTS(tests);
}
