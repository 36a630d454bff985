/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-load.c - builds a complete and consistent Config from NAME.conf, or reports one error. */

#include <limits.h>
#include <stdio.h>

#include "basic/nearest.h"
#include "conf/changes.h"
#include "conf/config-check.h"
#include "conf/config.h"
#include "conf/entries.h"
#include "conf/ini-file.h"
#include "conf/parts.h"
#include "conf/refuse.h"
#include "conf/settings.h"

typedef struct Loader {
        Config *config;
        ConfigPart part; /* the file that is being read */
        ConfigLines lines;
        ConfigEntries *entries; /* what was read, if that is asked for */
} Loader;

static bool section_known(const char *section) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (size_t i = 0; i < n; i++)
                if (streq(s[i].section, section))
                        return true;
        return false;
}

static int on_section(void *userdata, unsigned line, const char *section, char **ret_why) {
        size_t n;
        const Setting *s = settings_table(&n), *best = NULL;
        int fewest = INT_MAX;

        if (section_known(section))
                return 0;
        for (size_t i = 0; i < n; i++) {
                int slips = slips_between(section, s[i].section);

                if (slips >= 0 && slips < fewest) {
                        fewest = slips;
                        best = s + i;
                }
        }
        if (best)
                return refuse_text(ret_why, section, "unknown section; did you mean [%s]?",
                                   best->section);
        return refuse_text(ret_why, section, "unknown section; umld.conf(5) lists them");
}

/* Other names of what people look for, which are not similar to ours. */
static const struct {
        const char *typed, *section, *key;
} other_names[] = {
        { "Mem", "Guest", "Memory" },
        { "RAM", "Guest", "Memory" },
        { "CPU", "Guest", "CPUs" },
        { "Image", "Guest", "Disk" },
        { "RootFS", "Guest", "Disk" },
        { "Port", "Network", "Forward" },
        { "Ports", "Network", "Forward" },
        { "Publish", "Network", "Forward" },
        { "IP", "Network", "GuestAddress" },
        { "Address", "Network", "GuestAddress" },
        { "IPv6", "Network", "GuestAddress6" },
        { "IP6", "Network", "GuestAddress6" },
        { "Gateway", "Network", "HostAddress" },
        { "Nameserver", "Network", "DNS" },
        { "Interface", "Network", "Uplink" },
        { "Firewall", "Network", "Backend" },
};

static const Setting *known_by_another_name(const char *key) {
        FOREACH_ELEMENT (o, other_names)
                if (strcasecmp(key, o->typed) == 0)
                        return setting_find(o->section, o->key);
        return NULL;
}

/* The most similar key of any section; a key of the given section wins a tie. */
static const Setting *nearest_setting(const char *section, const char *key) {
        size_t n;
        const Setting *s = settings_table(&n), *best = NULL;
        int fewest = INT_MAX;

        for (size_t i = 0; i < n; i++) {
                int slips = slips_between(key, s[i].key);

                if (slips < 0)
                        continue;
                slips = slips * 2 + !streq(s[i].section, section);
                if (slips < fewest) {
                        fewest = slips;
                        best = s + i;
                }
        }
        return best;
}

static int refuse_key(const char *section, const char *key, char **ret_why) {
        const Setting *s = known_by_another_name(key) ?: nearest_setting(section, key);

        if (s && streq(s->key, key))
                return isempty(section)
                               ? refuse(ret_why, "not in a section; put it below [%s]", s->section)
                               : refuse(ret_why, "belongs in [%s], not in [%s]", s->section,
                                        section);
        if (s && streq(s->section, section))
                return refuse(ret_why, "unknown key; did you mean %s=?", s->key);
        if (s)
                return refuse(ret_why, "unknown key; did you mean %s= in [%s]?", s->key,
                              s->section);
        return refuse(ret_why, "unknown key; umld.conf(5) lists all keys");
}

/* Records the line of what the parser has just added to the lists. */
static void note_lines(Loader *l, const Setting *s, unsigned line) {
        size_t n;
        unsigned *first = &l->lines.setting[s - settings_table(&n)];

        if (*first == 0)
                *first = line;
        for (size_t i = l->config->n_disks; i > 0 && l->lines.disk[i - 1] == 0; i--)
                l->lines.disk[i - 1] = line;
        for (size_t i = l->config->n_forwards; i > 0 && l->lines.forward[i - 1] == 0; i--)
                l->lines.forward[i - 1] = line;
        for (size_t i = l->config->n_proxies; i > 0 && l->lines.proxy[i - 1] == 0; i--)
                l->lines.proxy[i - 1] = line;
}

/* Forgets what the files before this one say about a key. */
static void forget(Loader *l, const Setting *s) {
        size_t n;

        setting_clear(s, l->config);
        l->lines.setting[s - settings_table(&n)] = 0;
        for (size_t i = l->config->n_disks; i < CONFIG_DISKS_MAX; i++)
                l->lines.disk[i] = 0;
        for (size_t i = l->config->n_forwards; i < CONFIG_FORWARDS_MAX; i++)
                l->lines.forward[i] = 0;
        for (size_t i = l->config->n_proxies; i < CONFIG_FORWARDS_MAX; i++)
                l->lines.proxy[i] = 0;
        config_entries_drop(l->entries, s);
}

static int take_value(Loader *l, const Setting *s, unsigned line, const char *value,
                      char **ret_why) {
        int r = s->parse(s, value, l->config, ret_why);

        if (r >= 0)
                r = config_entries_add(l->entries, s, value, line);
        if (r >= 0 && line > 0)
                note_lines(l, s, line);
        return r;
}

static int take_entry(Loader *l, const Setting *s, unsigned line, const char *value,
                      char **ret_why) {
        size_t n;
        unsigned first = l->lines.setting[s - settings_table(&n)];
        bool dropin = l->part.file, earlier = first > l->part.before;

        if (!setting_supported(s))
                return refuse(ret_why, "not supported yet; remove it");
        if (earlier && !s->repeatable)
                return refuse(ret_why, "already set on line %u; keep one of the two",
                              first - l->part.before);
        if (isempty(value) && !dropin)
                return refuse(ret_why, "missing value; add one, or remove the key%s%s",
                              s->def ? " for the default " : "", s->def ?: "");
        if (isempty(value) || !s->repeatable)
                forget(l, s);
        return isempty(value) ? 0 : take_value(l, s, line, value, ret_why);
}

static int on_entry(void *userdata, unsigned line, const char *section, const char *key,
                    const char *value, char **ret_why) {
        const Setting *s = setting_find(section, key);
        Loader *l = userdata;
        int r = s ? take_entry(l, s, l->part.before + line, value, ret_why)
                  : refuse_key(section, key, ret_why);

        return r < 0 ? blame_text(r, key, ret_why) : 0;
}

/* Sets each key that the file does not have to its default, using the same parser. */
static int apply_defaults(Loader *l, const char *default_disk, char **ret_why) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (size_t i = 0; i < n; i++, s++) {
                const char *value = s->default_from == DEFAULT_DISK   ? default_disk
                                    : s->default_from == DEFAULT_NAME ? l->config->name
                                                                      : s->def;
                int r;

                if (!value || l->lines.setting[i] > 0 || !setting_supported(s))
                        continue;
                if (s->default_from == DEFAULT_DISK && l->config->root_dir)
                        continue;
                r = take_value(l, s, 0, value, ret_why);
                if (r < 0)
                        return blame_text(r, s->key, ret_why);
        }
        return 0;
}

/* Where only one of the two addresses is given, it says which network it is. */
static void fill_addresses(Config *c) {
        uint32_t guest = ntohl(c->wanted_guest_address.s_addr);

        strcpy(c->tap, c->wanted_tap);
        c->host_address = c->wanted_host_address;
        c->host_prefix = c->wanted_host_prefix;
        c->guest_address = c->wanted_guest_address;
        if (config_network_is_auto(c))
                return;
        if (c->wanted_host_prefix == 0) {
                c->host_prefix = 24;
                c->host_address.s_addr = htonl((guest & ~0xffu) | ((guest & 0xff) == 1 ? 2 : 1));
        }
        config_fill_guest_address(c);
}

static int load_parts(Loader *l, unsigned *ret_line, char **ret_why) {
        static const IniEvents events = { .section = on_section, .entry = on_entry };
        int r = 0;

        while (r >= 0 && config_part_next(l->lines.text, l->lines.size, &l->part)) {
                r = ini_file_parse(l->part.text, l->part.size, &events, l, ret_line, ret_why);
                if (r < 0)
                        *ret_line += l->part.before;
        }
        return r;
}

/* Fills l->config; on failure *ret_why is the message without the place, which is line *ret_line.
 */
static int load_text(Loader *l, const char *default_disk, unsigned *ret_line, char **ret_why) {
        const char *key = NULL;
        int r;

        r = load_parts(l, ret_line, ret_why);
        if (r < 0)
                return r;
        *ret_line = 0;
        r = apply_defaults(l, default_disk, ret_why);
        if (r < 0)
                return r;
        fill_addresses(l->config);
        r = config_check(l->config, &l->lines, ret_line, &key, ret_why);
        return r < 0 ? blame_text(r, key, ret_why) : 0;
}

/* Prepends the place to the reason. Returns r, or -ENOMEM. */
static int blame_place(int r, const char *file, unsigned line, const char *why, char **ret_error) {
        char number[16] = "";

        *ret_error = NULL;
        if (r == -ENOMEM || !why)
                return r;
        if (line > 0)
                snprintf(number, sizeof(number), ":%u", line);
        *ret_error = strfmt("%s%s: %s", file, number, why);
        return *ret_error ? r : -ENOMEM;
}

/* The same for a line of the whole, which may be in a drop-in. */
static int blame_line(int r, const ConfigLines *lines, unsigned line, const char *why,
                      char **ret_error) {
        _cleanup_free_ char *dropin = NULL;
        ConfigPart part = {};

        config_part_find(lines->text, lines->size, line, &part, &line);
        if (part.file && !(dropin = escape_text(part.file, part.file_size, PATH_MAX)))
                return -ENOMEM;
        return blame_place(r, dropin ?: lines->file, line, why, ret_error);
}

static int parse(Config *c, size_t size, const char *default_disk, ConfigEntries *entries,
                 char **ret_error) {
        _cleanup_free_ unsigned *setting_lines = NULL;
        _cleanup_free_ char *why = NULL;
        Loader l = { .config = c,
                     .lines = { .file = c->file, .text = c->text, .size = size },
                     .entries = entries };
        unsigned line = 0;
        size_t n;
        int r;

        (void) settings_table(&n);
        l.lines.setting = setting_lines = calloc(n, sizeof(unsigned));
        if (!setting_lines)
                return -ENOMEM;
        r = load_text(&l, default_disk, &line, &why);
        return r < 0 ? blame_line(r, &l.lines, line, why, ret_error) : 0;
}

static int parse_new(const char *name, const char *file, const char *text, size_t size,
                     const char *default_disk, ConfigEntries *entries, Config **ret,
                     char **ret_error) {
        _cleanup_(config_freep) Config *c = calloc(1, sizeof(Config));
        int r;

        *ret_error = NULL;
        /* A NUL, which is refused, is copied as well. */
        if (!c || !(c->text = calloc(1, size + 1)) || free_and_strdup(&c->name, name) < 0 ||
            free_and_strdup(&c->file, file) < 0)
                return -ENOMEM;
        memcpy(c->text, text, size);
        r = parse(c, size, default_disk, entries, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int config_parse(const char *name, const char *file, const char *text, size_t size,
                 const char *default_disk, Config **ret, char **ret_error) {
        return parse_new(name, file, text, size, default_disk, NULL, ret, ret_error);
}

int config_explain(const Config *c, const char *default_disk, ConfigEntries *ret) {
        _cleanup_(config_freep) Config *again = NULL;
        _cleanup_free_ char *error = NULL;

        return parse_new(c->name, c->file, c->text, strlen(c->text), default_disk, ret, &again,
                         &error);
}

int config_load(const char *name, const char *file, const char *default_disk, Config **ret,
                char **ret_error) {
        _cleanup_free_ char *text = NULL, *why = NULL, *at = NULL;
        unsigned line = 0;
        size_t size;
        int r = config_parts_read(file, &text, &size, &at, &line, &why);

        if (r < 0)
                return blame_place(r, at ?: file, line,
                                   r == -ENOENT && at && streq(at, file)
                                           ? "no such file; create it to define this guest"
                                           : why,
                                   ret_error);
        return config_parse(name, file, text, size, default_disk, ret, ret_error);
}
