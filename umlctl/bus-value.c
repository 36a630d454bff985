/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-value.c - D-Bus values as JSON values. */

#include "umlctl/bus-value.h"
#include "basic/macro.h"

enum {
        ROW_MAX = 8, /* values in a row of a table */
};

/* JSON integers are signed; a larger value is clamped, which is as good as infinite. */
static json_t *integer(uint64_t v) {
        return json_integer((json_int_t) MIN(v, (uint64_t) INT64_MAX));
}

static int read_basic(sd_bus_message *m, char type, json_t **ret) {
        union {
                const char *s;
                uint64_t t;
                int64_t x;
                uint32_t u;
                int32_t i;
                double d;
                int b;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 's':
                *ret = json_string(v.s);
                break;
        case 't':
                *ret = integer(v.t);
                break;
        case 'x':
                *ret = json_integer(v.x);
                break;
        case 'u':
                *ret = json_integer(v.u);
                break;
        case 'i':
                *ret = json_integer(v.i);
                break;
        case 'd':
                *ret = json_real(v.d);
                break;
        default:
                *ret = json_boolean(v.b);
        }
        return *ret ? 0 : -ENOMEM;
}

static int read_strings(sd_bus_message *m, json_t **ret) {
        json_auto_t *list = json_array();
        const char *s;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &s)) > 0)
                if (json_array_append_new(list, json_string(s)) < 0)
                        return -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = json_incref(list);
        return r;
}

static int read_map(sd_bus_message *m, json_t **ret) {
        json_auto_t *map = json_object();
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
                if (json_object_set_new(map, key, json_string(value)) < 0)
                        return -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = json_incref(map);
        return r;
}

/* Conditions, the only structures among the properties. */
static int read_conditions(sd_bus_message *m, json_t **ret) {
        json_auto_t *list = json_array();
        const char *name, *state, *text, *remedy;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssss)", &name, &state, &text, &remedy)) > 0)
                if (json_array_append_new(list,
                                          json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state",
                                                    state, "text", text, "remedy", remedy)) < 0)
                        return -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = json_incref(list);
        return r;
}

/* A row of basic values. */
static int read_row(sd_bus_message *m, const char *types, json_t **ret) {
        json_auto_t *row = json_array();

        for (const char *t = types; *t; t++) {
                json_t *value = NULL;
                int r = read_basic(m, *t, &value);

                if (r < 0 || json_array_append_new(row, value) < 0)
                        return r < 0 ? r : -ENOMEM;
        }
        *ret = json_incref(row);
        return 0;
}

/* A table: an array of rows. type: "a(stt)" */
static int read_table(sd_bus_message *m, const char *type, json_t **ret) {
        json_auto_t *table = json_array();
        char types[ROW_MAX + 1] = "";
        int r;

        memcpy(types, type + 2, strlen(type) - 3);
        r = sd_bus_message_enter_container(m, 'a', type + 1);
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', types)) > 0) {
                json_t *row = NULL;

                r = read_row(m, types, &row);
                if (r >= 0 && json_array_append_new(table, row) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = json_incref(table);
        return r;
}

static bool is_table(const char *type) {
        size_t n = strlen(type);

        return n > 3 && n <= ROW_MAX + 3 && type[0] == 'a' && type[1] == '(' &&
               type[n - 1] == ')' && strspn(type + 2, "stuxidb") == n - 3;
}

/* Arrays of each type that properties have. */
static const struct {
        const char *type;
        int (*read)(sd_bus_message *m, json_t **ret);
} arrays[] = {
        { "as", read_strings },
        { "a{ss}", read_map },
        { "a(ssss)", read_conditions },
};

static int read_contents(sd_bus_message *m, const char *type, json_t **ret) {
        FOREACH_ELEMENT (a, arrays)
                if (streq(type, a->type))
                        return a->read(m, ret);
        return is_table(type) ? read_table(m, type, ret) : read_basic(m, type[0], ret);
}

static bool is_known(const char *type) {
        FOREACH_ELEMENT (a, arrays)
                if (streq(type, a->type))
                        return true;
        return is_table(type) || (strlen(type) == 1 && strchr("stuxidb", type[0]));
}

/* 1 = a value, 0 = a value of an unknown type, which is skipped. */
static int read_variant(sd_bus_message *m, json_t **ret) {
        const char *contents;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!is_known(contents))
                return sd_bus_message_skip(m, "v") < 0 ? -EBADMSG : 0;
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        r = read_contents(m, contents, ret);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

int bus_read_properties(sd_bus_message *m, json_t **ret) {
        json_auto_t *props = json_object();
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                json_t *value = NULL;

                r = sd_bus_message_read_basic(m, 's', &name);
                if (r >= 0)
                        r = read_variant(m, &value);
                if (r > 0)
                        r = json_object_set_new(props, name, value) < 0 ? -ENOMEM : 0;
                else
                        json_decref(value);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        *ret = json_incref(props);
        return 0;
}
