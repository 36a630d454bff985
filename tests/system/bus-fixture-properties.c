/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-fixture-properties.c - the properties that bus-fixture has. */

#include <stdio.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "bus-fixture.h"

typedef struct Property {
        const char *name, *type;
        char *value;
} Property;

static Property properties[] = {
        { UMLD_PROP_NAME, "s" },
        { UMLD_PROP_STATE, "s" },
        { UMLD_PROP_WANTED, "s" },
        { UMLD_PROP_STATUS_TEXT, "s" },
        { UMLD_PROP_WAITING_FOR, "s" },
        { UMLD_PROP_PID, "u" },
        { UMLD_PROP_GUEST_CONGESTION, "s" },
        { UMLD_PROP_DAEMON_PID, "u" },
        { UMLD_PROP_DAEMON_VERSION, "s" },
        { UMLD_PROP_SINCE, "t" },
        { UMLD_PROP_STARTED, "t" },
        { UMLD_PROP_NEXT_START, "t" },
        { UMLD_PROP_RESTARTS, "u" },
        { UMLD_PROP_ADOPTED, "u" },
        { UMLD_PROP_REEXECS, "u" },
        { UMLD_PROP_LAST_VERDICT, "s" },
        { UMLD_PROP_LAST_DETAIL, "s" },
        { UMLD_PROP_LAST_WHEN, "t" },
        { UMLD_PROP_KERNEL_PATH, "s" },
        { UMLD_PROP_KERNEL_VERSION, "s" },
        { UMLD_PROP_KERNEL_TRANSPORT, "s" },
        { UMLD_PROP_KERNEL_CPU, "s" },
        { UMLD_PROP_KERNEL_CPU_FIX, "s" },
        { UMLD_PROP_MEMORY_SIZE, "t" },
        { UMLD_PROP_MEMORY_BACKING, "s" },
        { UMLD_PROP_MEMORY_PATH, "s" },
        { UMLD_PROP_MEMORY_USED, "t" },
        { UMLD_PROP_TAP, "s" },
        { UMLD_PROP_HOST_ADDRESS, "s" },
        { UMLD_PROP_GUEST_ADDRESS, "s" },
        { UMLD_PROP_UPLINK, "s" },
        { UMLD_PROP_UPLINK6, "s" },
        { UMLD_PROP_MASQUERADE, "s" },
        { UMLD_PROP_BACKEND, "s" },
        { UMLD_PROP_BACKEND_REASON, "s" },
        { UMLD_PROP_HOST_ADDRESS6, "s" },
        { UMLD_PROP_GUEST_ADDRESS6, "s" },
        { UMLD_PROP_MTU, "u" },
        { UMLD_PROP_WARNINGS, "as" },
        { UMLD_PROP_LACKING, "as" },
        { UMLD_PROP_HOST_ACCESS, "s" },
        { UMLD_PROP_REACH, "s" },
        { UMLD_PROP_CONNECTIONS, "s" },
        { UMLD_PROP_REVERSE_PATH, "s" },
        { UMLD_PROP_RULE_REPAIRS, "u" },
        { UMLD_PROP_FORWARDS, "as" },
        { UMLD_PROP_PROXIES, "as" },
        { UMLD_PROP_GUARDED, "as" },
        { UMLD_PROP_HELD_NOW, "u" },
        { UMLD_PROP_HELD_TOTAL, "t" },
        { UMLD_PROP_HELD_DROPPED, "t" },
        { UMLD_PROP_DISKS_SYNCED, "t" },
        { UMLD_PROP_HEALTH, "s" },
        { UMLD_PROP_LATENCY, "t" },
        { UMLD_PROP_UNCONFIRMED, "s" },
        { UMLD_PROP_CONFIRM_UNTIL, "t" },
        { UMLD_PROP_CONFINEMENT, "a{ss}" },
        { UMLD_PROP_CONSOLE_LOG, "s" },
        { "ActiveState", "s" }, /* these are systemd's */
        { "Result", "s" },
        { "ExecMainStatus", "i" },
        { "FromTheFuture", "(iay)" }, /* a later umld has properties of types unknown to us */
};

void die(const char *what, int r) {
        fprintf(stderr, "bus-fixture: %s: %s\n", what, strerror(-r));
        exit(1);
}

static Property *find_property(const char *name) {
        FOREACH_ELEMENT (p, properties)
                if (streq(p->name, name))
                        return p;
        fprintf(stderr, "bus-fixture: no property %s\n", name);
        exit(1);
}

void property_set(const char *name, const char *value) {
        if (free_and_strdup(&find_property(name)->value, value) < 0)
                die("set", -ENOMEM);
}

const char *property_get(const char *name) {
        return find_property(name)->value ?: "";
}

/* Splits value at blanks; KEY=VALUE pairs where pairs is set. */
static int append_words(sd_bus_message *m, const char *value, bool pairs) {
        _cleanup_strv_ Strv words = {};
        int r = strv_split_shell(&words, value);

        for (size_t i = 0; r >= 0 && i < words.n; i++) {
                char *equals = strchr(words.v[i], '=');

                if (pairs && equals) {
                        *equals = '\0';
                        r = sd_bus_message_append(m, "{ss}", words.v[i], equals + 1);
                } else
                        r = sd_bus_message_append(m, "s", words.v[i]);
        }
        return r;
}

static int append_value(sd_bus_message *m, const Property *p) {
        const char *value = p->value ?: "";
        int r;

        switch (p->type[0]) {
        case 's':
                return sd_bus_message_append(m, "s", value);
        case 'u':
                return sd_bus_message_append(m, "u", (uint32_t) strtoul(value, NULL, 10));
        case 'i':
                return sd_bus_message_append(m, "i", (int32_t) strtol(value, NULL, 10));
        case 't':
                return sd_bus_message_append(m, "t", (uint64_t) strtoull(value, NULL, 10));
        case '(':
                return sd_bus_message_append(m, "(iay)", 7, 2, 1, 2);
        default:
                r = sd_bus_message_open_container(m, 'a', p->type + 1);
                if (r >= 0)
                        r = append_words(m, value, streq(p->type, "a{ss}"));
                return r < 0 ? r : sd_bus_message_close_container(m);
        }
}

static int append_variant(sd_bus_message *m, const Property *p) {
        int r = sd_bus_message_open_container(m, 'v', p->type);

        if (r >= 0)
                r = append_value(m, p);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static bool is_wanted(const Strv *only, const Property *p) {
        bool wanted = !only;

        for (size_t i = 0; !wanted && i < only->n; i++)
                wanted = streq(only->v[i], p->name);
        return wanted;
}

/* only: NULL = all of them. */
static int send_properties(sd_bus_message *call, const Strv *only) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        FOREACH_ELEMENT (p, properties) {
                if (!is_wanted(only, p))
                        continue;
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", p->name);
                if (r >= 0)
                        r = append_variant(m, p);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(call), m, NULL);
}

int property_get_all(sd_bus_message *call) {
        return send_properties(call, NULL);
}

int property_on_read(sd_bus_message *call) {
        _cleanup_strv_ Strv only = {};
        const char *name;
        int r = sd_bus_message_enter_container(call, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read(call, "s", &name)) > 0)
                r = strv_push(&only, name);
        return r < 0 ? r : send_properties(call, &only);
}

int property_on_get(sd_bus_message *call) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *name;
        int r;

        r = sd_bus_message_read(call, "ss", NULL, &name);
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &m);
        if (r >= 0)
                r = append_variant(m, find_property(name));
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(call), m, NULL);
}
