/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-answers.c - parses what a UML kernel prints about itself. */

#include "uml/kernel-answers.h"
#include "basic/parse-util.h"

/* The options of FastNetwork= and their modules. */
static const struct {
        const char *option, *module;
} modules[] = {
#include "guest-modules.inc"
};

static const char name_characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+~";

enum {
        RELEASE_MAX = 64, /* struct utsname has no space for more */
        PARAMETER_MAX = 64,
};

/* Parses a number and the separator after it, and advances *s. */
static int take_number(const char **s, const char *separators, unsigned *ret) {
        size_t n = strspn(*s, "0123456789");
        char digits[6];
        uint64_t v;
        int r;

        if (n >= sizeof(digits) || !strchr(separators, (*s)[n]))
                return -EBADMSG;
        memcpy(digits, *s, n);
        digits[n] = '\0';
        r = parse_unsigned(digits, 0, UINT16_MAX, &v);
        if (r < 0)
                return -EBADMSG;
        *s += n + ((*s)[n] != '\0');
        *ret = (unsigned) v;
        return 0;
}

int kernel_read_version(const char *text, UmlKernel *k) {
        _cleanup_free_ char *release = NULL;
        size_t n = strspn(text, name_characters);
        unsigned major, minor;
        const char *p;

        if (n == 0 || n > RELEASE_MAX || !streq(text + n, "\n"))
                return -EBADMSG;
        release = strndup(text, n);
        if (!release)
                return -ENOMEM;
        p = release;
        if (take_number(&p, ".", &major) < 0 || take_number(&p, ".-+~", &minor) < 0)
                return -EBADMSG;
        free(k->release);
        k->release = TAKE_PTR(release);
        k->major = major;
        k->minor = minor;
        return 0;
}

/* The start of the next line, or NULL. */
static const char *next_line(const char *p) {
        p = strchr(p, '\n');
        return p ? p + 1 : NULL;
}

/* Is p a line with exactly this text? */
static bool is_line(const char *p, const char *text) {
        const char *end = startswith(p, text);

        return end && (*end == '\n' || *end == '\0');
}

/* Is p the line "OPTION=m"? */
static bool is_module(const char *p, const char *option) {
        const char *rest = startswith(p, option);

        return rest && is_line(rest, "=m");
}

static int note_module(const char *line, UmlKernel *k) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(modules); i++)
                if (is_module(line, modules[i].option))
                        r = strv_push(&k->modules, modules[i].module);
        return r;
}

int kernel_read_config(const char *text, UmlKernel *k) {
        bool uml = false, raid6 = false, no_benchmark = false;
        const struct {
                const char *line;
                bool *flag;
        } lines[] = {
                { "CONFIG_UML=y", &uml },
                { "CONFIG_UML_NET_TUNTAP=y", &k->tuntap },
                { "CONFIG_UML_NET_VECTOR=y", &k->vector },
                { "CONFIG_IP_PNP=y", &k->ip_pnp },
                { "CONFIG_SMP=y", &k->smp },
                { "CONFIG_IPV6=m", &k->ipv6_module },
                { "CONFIG_TCP_CONG_BBR=y", &k->bbr },
                { "CONFIG_TCP_CONG_BBR=m", &k->bbr },
                { "CONFIG_NET_SCH_FQ=y", &k->fq },
                { "CONFIG_NET_SCH_FQ=m", &k->fq },
                { "CONFIG_SYN_COOKIES=y", &k->syncookies },
                { "CONFIG_PROC_SYSCTL=y", &k->proc_sysctl },
                { "CONFIG_UMLD_CPU_STATE=y", &k->whole_cpu_state }, /* by tools/build-kernel */
                /* As a module it would not run before init; kernels that do not have the option
                   always run it. */
                { "CONFIG_RAID6_PQ=y", &raid6 },
                { "# CONFIG_RAID6_PQ_BENCHMARK is not set", &no_benchmark },
        };

        for (const char *p = text; p; p = next_line(p)) {
                FOREACH_ELEMENT (l, lines) {
                        if (is_line(p, l->line))
                                *l->flag = true;
                }
                if (note_module(p, k) < 0)
                        return -ENOMEM;
        }
        k->raid6_benchmark = raid6 && !no_benchmark;
        return uml ? 0 : -EBADMSG;
}

/* A paragraph of the help begins with its parameter, not indented: "mem=<…>", "con[0-9]*=<…>",
 * "ubd<n>…", "vec[0-9]+:…", "quiet". Returns the length of the name, 0 for any other line. */
static size_t parameter_length(const char *line) {
        size_t n = strspn(line, name_characters);

        if (n > PARAMETER_MAX || line[0] == '-' || !strchr("=[<\n", line[n]))
                return 0;
        return n;
}

int kernel_read_help(const char *text, UmlKernel *k) {
        static const char seccomp[] = "seccomp";
        bool any = false;

        for (const char *p = text; p; p = next_line(p)) {
                size_t n = parameter_length(p);

                any |= n > 0;
                if (n == strlen(seccomp) && memcmp(p, seccomp, n) == 0)
                        k->seccomp = true;
        }
        return any ? 0 : -EBADMSG;
}
