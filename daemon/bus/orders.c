/* SPDX-License-Identifier: GPL-2.0-or-later */
/* orders.c - the methods that give the guest an order. */

#include "api/bus-names.h"
#include "daemon/bus/parts.h"

static int answer_order(sd_bus_message *message, const GuestBus *b, int taken,
                        sd_bus_error *error) {
        if (taken > 0)
                return sd_bus_reply_method_return(message, NULL);
        return sd_bus_error_setf(error, UMLD_ERROR_BUSY, "nothing to do while the guest is %s",
                                 guest_state_to_string(b->guest->state));
}

#define DEFINE_ORDER(name, order)                                                                  \
        int name(sd_bus_message *message, void *userdata, sd_bus_error *error) {                   \
                const GuestBus *b = userdata;                                                      \
                                                                                                   \
                return answer_order(message, b, order(b->guest), error);                           \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_ORDER(bus_order_start, guest_start);
DEFINE_ORDER(bus_order_stop, guest_stop);
DEFINE_ORDER(bus_order_restart, guest_restart);
DEFINE_ORDER(bus_order_kill, guest_kill);

/* ---- reload ---- */

static const char *error_name(int r) {
        return r == -EINVAL  ? UMLD_ERROR_BAD_CONFIG
               : r == -EBUSY ? UMLD_ERROR_BUSY
                             : UMLD_ERROR_FAILED;
}

static void on_reloaded(int r, const char *text, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = userdata;

        if (r < 0)
                (void) sd_bus_reply_method_errorf(message, error_name(r), "%s",
                                                  text ?: strerror(-r));
        else
                (void) sd_bus_reply_method_return(message, NULL);
}

static int reload(sd_bus_message *message, const GuestBus *b, usec_t confirm) {
        b->reload(confirm, on_reloaded, sd_bus_message_ref(message), b->userdata);
        return 1;
}

int bus_order_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return reload(message, userdata, 0);
}

int bus_order_reload_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        uint64_t confirm;
        int r = sd_bus_message_read(message, "t", &confirm);

        if (r < 0)
                return r;
        if (confirm < UMLD_CONFIRM_MIN || confirm > UMLD_CONFIRM_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "the time to confirm must be from 1s to 24h");
        return reload(message, userdata, confirm);
}

int bus_order_reexec(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const GuestBus *b = userdata;

        b->reexec(on_reloaded, sd_bus_message_ref(message), b->userdata);
        return 1;
}

int bus_order_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(fault_done) Fault fault = {};
        const GuestBus *b = userdata;
        int r = guest_confirm(b->guest, &fault);

        if (r < 0)
                return sd_bus_error_setf(error, r == -ENOENT ? UMLD_ERROR_BUSY : UMLD_ERROR_FAILED,
                                         "%s", fault.text ?: strerror(-r));
        return sd_bus_reply_method_return(message, NULL);
}

int bus_order_guard(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(fault_done) Fault fault = {};
        const GuestBus *b = userdata;
        const char *session;
        int r = sd_bus_message_read(message, "s", &session);

        if (r < 0)
                return r;
        r = guest_guard_session(b->guest, session, &fault);
        if (r < 0)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED, "%s",
                                         fault.text
                                                 ?: "invalid SSH_CONNECTION, or too many of them");
        return sd_bus_reply_method_return(message, NULL);
}
