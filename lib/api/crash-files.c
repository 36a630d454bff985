/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash-files.c - names and order of the crash reports. */

#include <inttypes.h>

#include "api/crash-files.h"
#include "api/dirs.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

enum {
        NUMBER_WIDTH = 8, /* zero-padded, so that ls sorts most of them */
};

char *crash_directory(const char *name) {
        return umld_path(DIR_STATE, name, "crashes");
}

char *crash_path(const char *name, uint64_t number) {
        _cleanup_free_ char *directory = crash_directory(name);

        return directory ? strfmt("%s/%0*" PRIu64, directory, NUMBER_WIDTH, number) : NULL;
}

bool crash_file_number(const char *file, uint64_t *ret) {
        if (strlen(file) < NUMBER_WIDTH || strspn(file, "0123456789") != strlen(file))
                return false;
        return parse_unsigned(file, 1, UINT64_MAX - 1, ret) >= 0;
}

/* Inserts it among the n newest so far; the oldest is dropped when the array is full. */
static size_t insert(uint64_t *numbers, size_t n, size_t max, uint64_t number) {
        size_t at = n;

        while (at > 0 && numbers[at - 1] < number)
                at--;
        if (at == max)
                return n;
        n = MIN(n + 1, max);
        memmove(numbers + at + 1, numbers + at, (n - at - 1) * sizeof(*numbers));
        numbers[at] = number;
        return n;
}

ssize_t crash_files_list(const char *directory, uint64_t *ret_numbers, size_t max) {
        _cleanup_closedir_ DIR *d = opendir(directory);
        struct dirent *de;
        size_t n = 0;
        ssize_t all = 0;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        while ((de = readdir(d))) {
                uint64_t number;

                if (!crash_file_number(de->d_name, &number))
                        continue;
                all++;
                n = insert(ret_numbers, n, max, number);
        }
        return all;
}
