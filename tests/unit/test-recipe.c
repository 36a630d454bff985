/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-recipe.c - recipes as they are parsed, and what is said of mistakes in them. */

#include "test.h"

#include "basic/cleanup.h"
#include "imager/recipe.h"

typedef struct File {
        const char *name, *text;
} File;

static bool find(const char *name, const char **ret_path, const char **ret_text, size_t *ret_size,
                 void *userdata) {
        for (const File *f = userdata; f->name; f++)
                if (streq(f->name, name)) {
                        *ret_path = f->name;
                        *ret_text = f->text;
                        *ret_size = strlen(f->text);
                        return true;
                }
        return false;
}

static void refused(const File *files, const char *why) {
        _cleanup_(recipe_freep) Recipe *r = NULL;
        _cleanup_free_ char *said = NULL;

        ASSERT_ERROR(recipe_parse("a", find, (void *) files, &r, &said), EINVAL);
        assert_null(r);
        if (!said || !strstr(said, why))
                fail_msg("not \"%s\" but \"%s\"", why, said ?: "nothing");
}

static void test_statements(void **state) {
        static const File files[] = {
                { "a.recipe", "# a comment with an unterminated ' in it\n"
                              "\n"
                              "match exists /bin/busybox and missing /sbin/openrc\n"
                              "  write /etc/fstab 0644 lines 'LABEL=@label@ / ext4' \"\" x\n"
                              "include more\n"
                              "if given swap\n"
                              "  note a\n"
                              "else\n"
                              "  if contains /etc/inittab '^tty[0-9]' and given password\n"
                              "    remove /a /b\n"
                              "  end\n"
                              "end\n"
                              "runlevel boot sysctl" },
                { "more", "mask a.service b@.service\nchmod /x 04755\n" },
                {},
        };
        static const RecipeVerb verbs[] = { RECIPE_MATCH, RECIPE_WRITE, RECIPE_MASK,
                                            RECIPE_CHMOD, RECIPE_IF,    RECIPE_NOTE,
                                            RECIPE_ELSE,  RECIPE_IF,    RECIPE_REMOVE,
                                            RECIPE_END,   RECIPE_END,   RECIPE_RUNLEVEL };
        _cleanup_(recipe_freep) Recipe *r = NULL;
        _cleanup_free_ char *why = NULL;

        ASSERT_OK(recipe_parse("a", find, (void *) files, &r, &why));
        assert_string_equal(r->name, "a");
        assert_int_equal(r->n, ARRAY_SIZE(verbs));
        for (size_t i = 0; i < r->n; i++)
                assert_int_equal(r->v[i].verb, verbs[i]);
        assert_int_equal(r->v[1].words.n, 6);
        assert_string_equal(r->v[1].words.v[3], "LABEL=@label@ / ext4");
        assert_string_equal(r->v[1].words.v[4], "");
        assert_string_equal(r->v[2].file, "more");
        assert_int_equal(r->v[3].line, 2);
        assert_int_equal(r->v[5].line, 7);
        assert_int_equal(r->v[4].end, 6);
        assert_int_equal(r->v[6].end, 10);
        assert_int_equal(r->v[7].end, 9);
}

static void test_conditions(void **state) {
        static const File files[] = {
                { "a.recipe", "match exists /a and contains /b '^x and y$' and not-given swap" },
                {},
        };
        _cleanup_(recipe_freep) Recipe *r = NULL;
        _cleanup_free_ char *why = NULL;
        Condition c = {};
        size_t i = 0;

        ASSERT_OK(recipe_parse("a", find, (void *) files, &r, &why));
        assert_int_equal(recipe_condition(&r->v[0].words, &i, &c), 1);
        assert_int_equal(c.kind, CONDITION_EXISTS);
        assert_string_equal(c.what, "/a");
        assert_int_equal(recipe_condition(&r->v[0].words, &i, &c), 1);
        assert_int_equal(c.kind, CONDITION_CONTAINS);
        assert_string_equal(c.regex, "^x and y$");
        assert_int_equal(recipe_condition(&r->v[0].words, &i, &c), 1);
        assert_int_equal(c.kind, CONDITION_NOT_GIVEN);
        assert_int_equal(recipe_condition(&r->v[0].words, &i, &c), 0);
}

static void test_mistakes(void **state) {
        static const struct {
                const char *text, *why;
        } cases[] = {
                { "\n\nwrit /a 0644 lines", "a.recipe:3: unknown statement 'writ'" },
                { "note 'a", "a.recipe:1: unterminated quote" },
                { "remove", "remove: wrong number of words; it must be remove PATH…" },
                { "else x", "else: wrong number of words" },
                { "chmod /a 644", "'644' is not an octal mode; use for example 0644" },
                { "chmod /a 0999", "not an octal mode" },
                { "chmod /a 012345", "not an octal mode" },
                { "remove etc/x", "'etc/x' is not an absolute path" },
                { "remove /", "not an absolute path" },
                { "remove /a /../b", "'/../b' has '..' in it" },
                { "remove /a/..", "has '..' in it" },
                { "write /a 0644 from ../x", "must be the name of a file beside the recipe" },
                { "write /a 0644 from given:hostname", "is not a file that can be given" },
                { "write /a 0644 from given:x", "is not a file that can be given" },
                { "write /a 0644 by x", "must be write PATH MODE from FILE" },
                { "write /a 0644 from x y", "must be write PATH MODE from FILE" },
                { "replace /a '(' b", "'(' is not a regular expression" },
                { "delete /a '['", "'[' is not a regular expression" },
                { "append /a @nonsense@", "@nonsense@ is not known; use @label@" },
                { "append /a @ssh-key@", "@ssh-key@ is not known" },
                { "mask ../../etc/passwd", "must be a name, not a path" },
                { "runlevel boot /x", "must be a name, not a path" },
                { "match", "match: wrong number of words" },
                { "match there /a", "not a condition; use exists PATH" },
                { "match exists /a missing /b", "not a condition" },
                { "match exists /a and", "not a condition" },
                { "match exists", "not a condition" },
                { "match contains /a", "not a condition" },
                { "if given x\nend", "'x' cannot be given" },
                { "if exists a\nend", "'a' is not an absolute path" },
                { "if exists /a\nmatch exists /b\nend", "a.recipe:2: match must be outside" },
                { "end", "end without if" },
                { "else", "else without if" },
                { "if exists /a\nelse\nelse\nend", "second else" },
                { "if exists /a", "if without end" },
                { "include nothing", "there is no file nothing beside the recipes" },
                { "include a.recipe", "files that include each other" },
                { "wish more",
                  "wish more: unknown; use ready, by-init, any-interface or host-key" },
        };

        FOREACH_ELEMENT (c, cases) {
                const File files[] = { { "a.recipe", c->text }, {} };

                refused(files, c->why);
        }
}

static void test_mistakes_elsewhere(void **state) {
        static const File in_include[] = { { "a.recipe", "note x\ninclude b\n" },
                                           { "b", "note y\nif exists /a\n" },
                                           {} };
        static const File match[] = { { "a.recipe", "include b" }, { "b", "match exists /a" }, {} };
        static const File half[] = { { "a.recipe", "if exists /a\ninclude b\n" },
                                     { "b", "end" },
                                     {} };

        refused(in_include, "b:3: if without end");
        refused(match, "b:1: match must be outside of if, in the recipe itself");
        refused(half, "if");
}

static void test_much(void **state) {
        _cleanup_free_ char *text = calloc(1, RECIPE_SIZE_MAX + 2);
        const File files[] = { { "a.recipe", text }, {} };

        assert_non_null(text);
        for (size_t i = 0; i < RECIPE_STATEMENTS_MAX + 1; i++)
                strcat(text, "note x\n");
        refused(files, "a.recipe:1001: more than 1000 statements");
        memset(text, '\n', RECIPE_SIZE_MAX + 1);
        refused(files, "is not a text of at most");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_statements), cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_mistakes_elsewhere),
                cmocka_unit_test(test_much),
        };

        return RUN_TESTS(tests);
}
