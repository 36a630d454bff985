/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-main.c - gives every file of a corpus to a fuzz target, as an ordinary test. */

#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "fuzz.h"

/* The target gets a copy of just that size, so that a sanitizer sees what reads beyond it. */
static int replay(const char *path) {
        _cleanup_free_ char *text = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        ssize_t n = read_file(path, 16 << 20, &text);

        if (n < 0)
                return (int) n;
        data = malloc((size_t) n);
        if (!data && n > 0)
                return -ENOMEM;
        if (n > 0)
                memcpy(data, text, (size_t) n);
        (void) LLVMFuzzerTestOneInput(data, (size_t) n);
        return 0;
}

int main(int argc, char *argv[]) {
        _cleanup_closedir_ DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
        struct dirent *entry;
        unsigned n = 0;

        if (!dir) {
                fprintf(stderr, "usage: %s CORPUS-DIRECTORY (which must be there)\n", argv[0]);
                return 2;
        }
        while ((entry = readdir(dir))) {
                _cleanup_free_ char *path = strfmt("%s/%s", argv[1], entry->d_name);
                int r;

                if (entry->d_name[0] == '.')
                        continue;
                printf("%s\n", entry->d_name); /* the last one named is the one that crashed */
                fflush(stdout);
                r = path ? replay(path) : -ENOMEM;
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", entry->d_name, strerror(-r));
                        return EXIT_FAILURE;
                }
                n++;
        }
        printf("%u files\n", n);
        return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
