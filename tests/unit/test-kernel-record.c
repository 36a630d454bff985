/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-kernel-record.c - the answers of a kernel, kept and found again, or not. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#include "basic/file-util.h"
#include "uml/kernel-record.h"

static const struct stat file = { .st_ino = 77,
                                  .st_size = 9876543,
                                  .st_mtim = { 1700000000, 5 },
                                  .st_ctim = { 1700000001, 999999999 } };

static UmlKernel *new_kernel(void) {
        UmlKernel *k = calloc(1, sizeof(*k));

        assert_non_null(k);
        *k = (UmlKernel){ .path = strdup("/usr/bin/linux uml"),
                          .release = strdup("6.1.176-x"),
                          .major = 6,
                          .minor = 1,
                          .vector = true,
                          .proc_sysctl = true,
                          .static_linked = true };
        ASSERT_OK(strv_push(&k->modules, "tcp_bbr"));
        ASSERT_OK(strv_push(&k->modules, "sch_fq"));
        ASSERT_OK(strv_push(&k->known, "mem"));
        return k;
}

static void test_found_again(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel(), *found = NULL;
        _cleanup_free_ char *text = kernel_record_text(k, &file), *again = NULL;

        assert_non_null(text);
        ASSERT_OK(kernel_record_parse(text, k->path, &file, &found));
        assert_string_equal(found->path, k->path);
        assert_string_equal(found->release, k->release);
        assert_int_equal(found->major, 6);
        assert_int_equal(found->minor, 1);
        assert_true(strv_equal(&found->modules, &k->modules));
        assert_true(strv_equal(&found->known, &k->known));
        assert_true(found->vector && found->proc_sysctl && found->static_linked);
        assert_false(found->tuntap || found->smp || found->seccomp || found->bbr);
        again = kernel_record_text(found, &file);
        assert_string_equal(again, text);
}

/* Another file, or the same after a change. */
static void test_of_another(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();
        _cleanup_free_ char *text = kernel_record_text(k, &file);
        struct stat others[6];
        UmlKernel *none = NULL;

        FOREACH_ELEMENT (o, others)
                *o = file;
        others[0].st_ino++;
        others[1].st_size--;
        others[2].st_mtim.tv_sec++;
        others[3].st_mtim.tv_nsec++;
        others[4].st_ctim.tv_sec++;
        others[5].st_ctim.tv_nsec--;
        FOREACH_ELEMENT (o, others)
                ASSERT_ERROR(kernel_record_parse(text, k->path, o, &none), ESTALE);
        ASSERT_ERROR(kernel_record_parse(text, "/usr/bin/linux", &file, &none), ESTALE);
        text[5] ^= 1; /* of umld's version */
        ASSERT_ERROR(kernel_record_parse(text, k->path, &file, &none), ESTALE);
        assert_null(none);
}

/* Wherever it ends too early, and whatever byte is another one. */
static void test_damaged(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();
        _cleanup_free_ char *text = kernel_record_text(k, &file), *damaged = strdup(text);
        UmlKernel *none = NULL;

        for (size_t i = 0; i < strlen(text); i++) {
                damaged[i] = '\0';
                assert_true(kernel_record_parse(damaged, k->path, &file, &none) < 0);
                damaged[i] = (char) (text[i] ^ 4);
                assert_true(kernel_record_parse(damaged, k->path, &file, &none) < 0);
                damaged[i] = text[i];
        }
        assert_null(none);
}

static void test_file(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel(), *found = NULL;
        _cleanup_free_ char *text = kernel_record_text(k, &file);
        char path[] = "/tmp/test-kernel-record.XXXXXX";
        UmlKernel *none = NULL;

        close(mkstemp(path));
        ASSERT_OK(write_file_atomic(path, text, strlen(text), 0644));
        ASSERT_OK(kernel_record_read(path, k->path, &file, &found));
        ASSERT_OK(chmod(path, 0664));
        ASSERT_ERROR(kernel_record_read(path, k->path, &file, &none), EPERM);
        if (geteuid() == 0) {
                ASSERT_OK(chmod(path, 0644));
                ASSERT_OK(chown(path, 65534, 65534));
                ASSERT_ERROR(kernel_record_read(path, k->path, &file, &none), EPERM);
        }
        ASSERT_OK(unlink(path));
        ASSERT_ERROR(kernel_record_read(path, k->path, &file, &none), ENOENT);
        ASSERT_OK(symlink("/dev/zero", path));
        ASSERT_ERROR(kernel_record_read(path, k->path, &file, &none), ELOOP);
        ASSERT_OK(unlink(path));
        assert_null(none);
}

static void test_settled(void **state) {
        struct stat st = { .st_mtim.tv_sec = time(NULL) - 60, .st_ctim.tv_sec = time(NULL) - 60 };

        assert_true(kernel_record_settled(&st));
        st.st_ctim.tv_sec = time(NULL);
        assert_false(kernel_record_settled(&st));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found_again), cmocka_unit_test(test_of_another),
                cmocka_unit_test(test_damaged),     cmocka_unit_test(test_file),
                cmocka_unit_test(test_settled),
        };

        return RUN_TESTS(tests);
}
