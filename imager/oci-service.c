/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci-service.c - what a container image runs, as the service of a guest: the file that
 * umld-guest-init reads, and umld-guest-init itself. */

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "imager/message.h"
#include "imager/oci.h"

enum {
        INIT_MAX = 16 * 1024 * 1024,
};

/* ---- the file ---- */

static void put_line(FILE *f, const char *key, const char *value) {
        fprintf(f, "%s=", key);
        for (const char *p = value; *p; p++)
                if (*p == '\n')
                        fputs("\\n", f);
                else if (*p == '\\')
                        fputs("\\\\", f);
                else
                        fputc(*p, f);
        fputc('\n', f);
}

static void put_list(FILE *f, const char *key, const json_t *list) {
        json_t *each;
        size_t i;

        json_array_foreach(list, i, each) if (json_is_string(each))
                put_line(f, key, json_string_value(each));
}

static void put_text(FILE *f, const char *key, const json_t *text) {
        if (!isempty(json_string_value(text)))
                put_line(f, key, json_string_value(text));
}

/* "SIGQUIT", "QUIT" or "3". */
static void put_signal(FILE *f, const json_t *text) {
        const struct {
                const char *name;
                int number;
        } signals[] = {
                { "TERM", SIGTERM }, { "INT", SIGINT },           { "QUIT", SIGQUIT },
                { "HUP", SIGHUP },   { "KILL", SIGKILL },         { "USR1", SIGUSR1 },
                { "USR2", SIGUSR2 }, { "WINCH", SIGWINCH },       { "PWR", SIGPWR },
                { "ABRT", SIGABRT }, { "RTMIN+3", SIGRTMIN + 3 },
        };
        const char *value = json_string_value(text), *name = value;
        uint64_t n;

        if (!value)
                return;
        if (parse_unsigned(value, 1, 64, &n) >= 0) {
                fprintf(f, "stop-signal=%u\n", (unsigned) n);
                return;
        }
        name = startswith(value, "SIG") ?: value;
        FOREACH_ELEMENT (s, signals)
                if (streq(name, s->name))
                        fprintf(f, "stop-signal=%d\n", s->number);
}

/* "5432/tcp": {}; the file has those of TCP, umlctl hears of all. */
static void put_ports(FILE *f, json_t *ports) {
        const char *key;
        json_t *value;

        json_object_foreach(ports, key, value) {
                size_t digits = strspn(key, "0123456789");
                _cleanup_free_ char *number = strndup(key, digits);
                const char *protocol = key[digits] == '/' ? key + digits + 1 : "tcp";
                uint64_t port;

                (void) value;
                if (!number || parse_unsigned(number, 1, UINT16_MAX, &port) < 0)
                        continue;
                if (streq(protocol, "tcp"))
                        fprintf(f, "port=%u\n", (unsigned) port);
                if (streq(protocol, "tcp") || streq(protocol, "udp"))
                        say_result("port", "%s/%u", protocol, (unsigned) port);
        }
}

static int write_service(const json_t *c, char **ret, size_t *ret_size) {
        FILE *f = open_memstream(ret, ret_size);

        if (!f)
                return -errno;
        fputs("# Made by umlctl create from the configuration of a container image; "
              "umld-guest-init\n"
              "# (/sbin/init) runs it. In a value \\n is a newline, and \\\\ a backslash.\n",
              f);
        put_text(f, "user", json_object_get(c, "User"));
        put_text(f, "directory", json_object_get(c, "WorkingDir"));
        put_list(f, "env", json_object_get(c, "Env"));
        put_list(f, "arg", json_object_get(c, "Entrypoint"));
        put_list(f, "arg", json_object_get(c, "Cmd"));
        put_signal(f, json_object_get(c, "StopSignal"));
        put_ports(f, json_object_get(c, "ExposedPorts"));
        return memstream_close(f, ret);
}

/* ---- putting it there ---- */

static const char *program_of(const json_t *c) {
        return json_string_value(json_array_get(json_object_get(c, "Entrypoint"), 0))
                       ?: json_string_value(json_array_get(json_object_get(c, "Cmd"), 0));
}

/* Some images are whole systems. */
static bool is_init(const char *program) {
        const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

        return streq(name, "init") || streq(name, "systemd");
}

static int keep_init(ImageWriter *w, const char *program) {
        ImageNode node;

        say_note("the image starts an init of its own, %s", program);
        if (image_exists(w, "/sbin/init"))
                return 0;
        image_node_init(&node, S_IFLNK | 0777);
        return image_symlink(w, "/sbin/init", &node, program);
}

/* The kernel runs this for what it has as a module. */
static int add_modprobe(ImageWriter *w) {
        ImageNode node;

        image_node_init(&node, S_IFLNK | 0777);
        return image_exists(w, "/sbin/modprobe")
                       ? 0
                       : image_symlink(w, "/sbin/modprobe", &node, "/sbin/init");
}

static int add_init(ImageWriter *w) {
        _cleanup_close_ int fd = ask_file(IMAGE_FILE_INIT);
        _cleanup_free_ char *program = NULL;
        ssize_t n;

        if (fd < 0)
                return say_error("umld-guest-init is not installed");
        program = malloc(INIT_MAX);
        n = program ? read_all(fd, program, INIT_MAX) : -ENOMEM;
        if (n < 0)
                return say_error("cannot read umld-guest-init: %s", strerror((int) -n));
        if (image_put(w, "/sbin/init", 0755, program, (size_t) n) < 0)
                return say_error("%s", image_why(w));
        return add_modprobe(w) < 0 ? say_error("%s", image_why(w)) : 0;
}

/* Where an init mounts something; a container's runtime makes those that are not there. */
static int add_directories(ImageWriter *w) {
        static const struct {
                const char *path;
                mode_t mode;
        } directories[] = { { "/dev", 0755 }, { "/proc", 0555 }, { "/sys", 0555 },
                            { "/etc", 0755 }, { "/run", 0755 },  { "/tmp", 01777 } };

        FOREACH_ELEMENT (d, directories) {
                ImageNode node;

                image_node_init(&node, S_IFDIR | d->mode);
                if (!image_exists(w, d->path) && image_directory(w, d->path, &node) < 0)
                        return say_error("%s", image_why(w));
        }
        return 0;
}

int oci_add_service(ImageWriter *w, const json_t *config) {
        const json_t *c = json_object_get(config, "config");
        const char *program = program_of(c);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        if (isempty(program))
                return say_error("the container image does not say what it runs");
        r = add_directories(w);
        if (r != 0)
                return r;
        if (is_init(program))
                return keep_init(w, program) < 0 ? say_error("%s", image_why(w)) : 0;
        if (write_service(c, &text, &size) < 0)
                return say_error("out of memory");
        if (r == 0 && image_put(w, "/etc/umld/service", 0644, text, size) < 0)
                r = say_error("%s", image_why(w));
        if (r == 0)
                r = add_init(w);
        if (r == 0)
                say_result("init", "umld");
        return r;
}
