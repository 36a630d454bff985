/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci-index.c - finds the manifest of a container image, and opens what it names. */

#include <sys/stat.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "basic/fd-util.h"
#include "basic/sha256.h"
#include "basic/string-util.h"
#include "imager/message.h"
#include "imager/oci.h"

enum {
        JSON_MAX = 4 * 1024 * 1024,
        DEPTH_MAX = 3, /* indices in indices */
};

#define REF_NAME "org.opencontainers.image.ref.name"

static char *shown(const char *text) {
        return escape_text(text, strlen(text), 120);
}

static int read_json(int fd, json_t **ret) {
        _cleanup_free_ char *text = malloc(JSON_MAX + 1);
        json_error_t e;
        ssize_t n = text ? read_all(fd, text, JSON_MAX + 1) : -ENOMEM;

        if (n < 0)
                return say_error("cannot read the container image: %s", strerror((int) -n));
        if (n > JSON_MAX)
                return say_error("a description in the container image has more than 4 MiB");
        *ret = json_loadb(text, (size_t) n, JSON_REJECT_DUPLICATES, &e);
        return *ret ? 0 : say_error("a description in the container image is not valid JSON");
}

/* ---- files ---- */

static int check(int fd, const json_t *descriptor, const char *digest) {
        json_int_t size = json_integer_value(json_object_get(descriptor, "size"));
        _cleanup_free_ char *safe = shown(digest);
        char sum[SHA256_TEXT + 1];
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return say_error("cannot read the container image: %m");
        if (!S_ISREG(st.st_mode) || st.st_size != size)
                return say_error("%s of the container image is not the file of %lld bytes that it "
                                 "should be",
                                 safe ?: "", (long long) size);
        r = sha256_fd(fd, sum);
        if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return say_error("cannot read the container image: %s",
                                 strerror(r < 0 ? -r : errno));
        if (!streq(sum, digest + strlen(IMAGE_FILE_DIGEST)))
                return say_error("%s of the container image has another checksum, %s", safe ?: "",
                                 sum);
        return 0;
}

int oci_open(const json_t *descriptor, int *ret) {
        const char *digest = json_string_value(json_object_get(descriptor, "digest")),
                   *hex = digest ? startswith(digest, IMAGE_FILE_DIGEST) : NULL;
        _cleanup_free_ char *safe = shown(digest ?: "");
        char buf[SHA256_TEXT + 1];
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!hex || !sha256_parse(hex, buf) || !streq(buf, hex))
                return say_error("the container image names a file by '%s', which is no SHA-256 "
                                 "digest",
                                 safe ?: "");
        fd = ask_file(digest);
        if (fd < 0)
                return say_error("the container image has no file %s", digest);
        r = check(fd, descriptor, digest);
        if (r == 0)
                *ret = TAKE_FD(fd);
        return r;
}

int oci_json(const json_t *descriptor, json_t **ret) {
        _cleanup_close_ int fd = -EBADF;
        int r = oci_open(descriptor, &fd);

        return r == 0 ? read_json(fd, ret) : r;
}

/* ---- the index ---- */

static bool is(const json_t *object, const char *key, const char *value) {
        const char *s = json_string_value(json_object_get(object, key));

        return s && streq(s, value);
}

/* One that does not say its platform is for any. */
static bool for_us(const json_t *descriptor) {
        const json_t *platform = json_object_get(descriptor, "platform");

        return !platform || (is(platform, "architecture", "amd64") && is(platform, "os", "linux"));
}

static bool has_tag(const json_t *descriptor, const char *tag) {
        return !tag || is(json_object_get(descriptor, "annotations"), REF_NAME, tag);
}

static int fail_choice(const char *tag, size_t n) {
        _cleanup_free_ char *safe = shown(tag ?: "");

        if (n > 1)
                return say_error("the container image has several tags; name one, as in "
                                 "oci:DIRECTORY:TAG");
        if (tag)
                return say_error("the container image has no tag '%s' for amd64", safe ?: "");
        return say_error("the container image is not for amd64");
}

/* Follows indices down to the manifest. */
static int find(json_t *index, const char *tag, unsigned depth, json_t **ret) {
        json_t *found = NULL, *inner = NULL, *each;
        size_t i, n = 0;
        int r;

        if (json_is_array(json_object_get(index, "layers"))) {
                *ret = json_incref(index);
                return 0;
        }
        json_array_foreach(json_object_get(index, "manifests"), i, each) {
                if (!for_us(each) || !has_tag(each, tag))
                        continue;
                found = found ?: each;
                n++;
        }
        if (n == 0 || (n > 1 && depth == 0) || depth >= DEPTH_MAX)
                return fail_choice(tag, n);
        r = oci_json(found, &inner);
        if (r == 0)
                r = find(inner, NULL, depth + 1, ret);
        json_decref(inner);
        return r;
}

int oci_manifest(int fd, const char *tag, json_t **ret) {
        json_t *index = NULL;
        int r = read_json(fd, &index);

        if (r == 0)
                r = find(index, tag, 0, ret);
        json_decref(index);
        return r;
}
