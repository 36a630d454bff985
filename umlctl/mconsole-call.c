/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mconsole-call.c - one command to the management console. */

#include "umlctl/mconsole-call.h"
#include "api/bus-names.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"

int mconsole_call(const char *guest, const char *command, char **ret_answer, char **ret_why) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        const char *text = "";
        int code = 0, whole, r;
        pid_t pid = 0;

        r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid);
        if (r < 0)
                return r;
        r = sd_bus_call_method(bus, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE, UMLD_METHOD_MCONSOLE,
                               &error, &reply, "sb", command, 1);
        if (r >= 0)
                r = sd_bus_message_read(reply, "isb", &code, &text, &whole);
        if (r >= 0 && code != 0)
                r = -EIO;
        if (r < 0)
                *ret_why = error.message    ? strdup(error.message)
                           : !isempty(text) ? strdup(text)
                                            : NULL;
        else
                *ret_answer = strdup(text);
        return r < 0 ? r : *ret_answer ? 0 : -ENOMEM;
}
