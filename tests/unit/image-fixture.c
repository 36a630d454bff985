/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-fixture.c - images for tests. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image-fixture.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "image/format.h"

void image_begin(Image *i, uint64_t size) {
        const char *dir = getenv("TMPDIR") ?: "/tmp";
        _cleanup_free_ char *why = NULL;

        i->fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        assert_true(i->fd >= 0);
        ASSERT_OK(image_format(i->fd, &(ImageFormat){ .size = size, .label = "test" }, &why));
        ASSERT_OK(image_writer_open(i->fd, true, &i->w, &why));
}

void image_store(Image *i) {
        _cleanup_free_ char *why = NULL;
        int r = image_writer_finish(TAKE_PTR(i->w), &why);

        if (r < 0)
                fail_msg("%s", why);
}

int fsck(const Image *i) {
        _cleanup_free_ char *command = strfmt(
                                    "PATH=$PATH:/sbin:/usr/sbin e2fsck -fn /proc/self/fd/%d 2>&1",
                                    i->fd),
                            *output = calloc(1, 4096);
        int status;
        FILE *f;

        assert_true(fcntl(i->fd, F_SETFD, 0) >= 0);
        f = popen(command, "r");
        assert_non_null(f);
        (void) fread(output, 1, 4095, f);
        status = pclose(f);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                print_message("%s\n", output);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void image_reopen(Image *i) {
        _cleanup_free_ char *why = NULL;

        image_store(i);
        assert_int_equal(fsck(i), 0);
        if (image_writer_open(i->fd, false, &i->w, &why) < 0)
                fail_msg("%s", why);
}

void image_end(Image *i) {
        image_store(i);
        assert_int_equal(fsck(i), 0);
        close(i->fd);
}

void assert_content(ImageWriter *w, const char *path, const char *content) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(image_read(w, path, 1 << 20, &text));
        assert_string_equal(text, content);
}

void put(ImageWriter *w, const char *path, const char *content) {
        ASSERT_OK(image_put(w, path, 0644, content, strlen(content)));
}
