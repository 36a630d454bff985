/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - method Read: some properties, for those who ask many umlds for a few of them. */

#include "api/bus-names.h"
#include "basic/string-util.h"
#include "daemon/bus/parts.h"

enum {
        NAMES_MAX =
                256, /* more than there are; whoever repeats them must not have all our memory */
};

static const sd_bus_vtable *find(const sd_bus_vtable *table, const char *name) {
        for (const sd_bus_vtable *row = table; row->type != _SD_BUS_VTABLE_END; row++)
                if (row->type == _SD_BUS_VTABLE_PROPERTY && streq(row->x.property.member, name))
                        return row;
        return NULL;
}

static int append(sd_bus_message *reply, const sd_bus_vtable *row, void *userdata) {
        const char *name = row->x.property.member, *type = row->x.property.signature;
        int r;

        if ((r = sd_bus_message_open_container(reply, 'e', "sv")) < 0 ||
            (r = sd_bus_message_append(reply, "s", name)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'v', type)) < 0 ||
            (r = row->x.property.get(NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE, name, reply, userdata,
                                     NULL)) < 0 ||
            (r = sd_bus_message_close_container(reply)) < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static bool is_among(const sd_bus_vtable *const *rows, size_t n, const sd_bus_vtable *row) {
        for (size_t i = 0; i < n; i++)
                if (rows[i] == row)
                        return true;
        return false;
}

/* A client may be of a later version, and ask for what is not there yet. */
static int append_wanted(sd_bus_message *message, const sd_bus_vtable *table, sd_bus_message *reply,
                         void *userdata) {
        const sd_bus_vtable *told[NAMES_MAX] = {};
        const char *name;
        size_t n = 0;
        int r = sd_bus_message_enter_container(message, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read_basic(message, 's', &name)) > 0) {
                const sd_bus_vtable *row = find(table, name);

                if (n == NAMES_MAX)
                        return -E2BIG;
                r = row && !is_among(told, n, row) ? append(reply, row, userdata) : 0;
                told[n++] = row;
        }
        return r;
}

int bus_read_from(sd_bus_message *message, const sd_bus_vtable *table, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if ((r = sd_bus_message_new_method_return(message, &reply)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', "{sv}")) < 0 ||
            (r = append_wanted(message, table, reply, userdata)) < 0 ||
            (r = sd_bus_message_close_container(reply)) < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}
