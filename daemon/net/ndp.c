/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ndp.c - the host answers neighbour solicitations for a guest whose IPv6 address is on its uplink.
 *
 * A failure does not stop the guest, and is reported by the conditions. */

#include <stdio.h>
#include <sys/socket.h>

#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "daemon/net/ndp.h"
#include "daemon/net/rules-plan.h"
#include "host/sysctl.h"

/* That of all interfaces, since only this one makes kernels before 5.16 answer solicitations to the
 * address itself. Nobody is answered for but those in the table. */
static const HostSetting proxy_ndp = { .name = "proxy_ndp",
                                       .where = "net/ipv6/conf/all/proxy_ndp",
                                       .read = sysctl_get,
                                       .write = sysctl_set,
                                       .verdict = VERDICT_NETWORK };

/* Entries of the table, one for each of the uplinks. */
typedef struct Answers {
        IpAddress address;
        Uplinks uplinks;
} Answers;

#define ANSWERS_TEXT_MAX (IP_ADDRESS_TEXT_MAX + UPLINKS_TEXT_MAX)

static const char *answers_format(const Answers *a, char buf[static ANSWERS_TEXT_MAX]) {
        char address[IP_ADDRESS_TEXT_MAX], uplinks[UPLINKS_TEXT_MAX];

        snprintf(buf, ANSWERS_TEXT_MAX, "%s %s", ip_address_format(&a->address, address),
                 uplinks_format(&a->uplinks, uplinks));
        return buf;
}

/* What such a text says; nothing if it cannot be understood. */
static void answers_parse(const char *text, Answers *ret) {
        _cleanup_free_ char *copy = strdup(text ?: "");
        char *rest = copy, *word = copy ? strsep(&rest, " ") : NULL;

        *ret = (Answers){};
        if (!word || ip_address_parse(word, &ret->address) < 0)
                return;
        while (rest && ret->uplinks.n < ARRAY_SIZE(ret->uplinks.list) &&
               (word = strsep(&rest, " ")))
                if (ifname_valid(word))
                        strcpy(ret->uplinks.list[ret->uplinks.n++], word);
}

static bool answers_have(const Answers *a, const IpAddress *address, const char *uplink) {
        return ip_address_equal(&a->address, address) && uplinks_have(&a->uplinks, uplink);
}

/* Does this uplink have neighbours, and is the guest's address one that they look for there? */
static bool is_on_link(const Net *net, const IpAddress *guest, const char *uplink) {
        IpPrefix networks[NET_LINKS_MAX];
        RtnlLink link;
        int n;

        if (net_link_get(net->rtnl, uplink, &link) < 0 || (link.flags & IFF_NOARP))
                return false;
        n = net_connected(net->rtnl, uplink, AF_INET6, networks, ARRAY_SIZE(networks));
        for (int i = 0; i < n; i++)
                if (ip_prefix_has(&networks[i], guest))
                        return true;
        return false;
}

/* An entry that is there and not recorded is the administrator's, and is left alone. */
static bool is_ours_to_add(const Net *net, const Answers *noted, const IpAddress *guest,
                           const char *uplink) {
        return answers_have(noted, guest, uplink) ||
               net_neighbour_proxy_has(net->rtnl, (int) if_nametoindex(uplink), guest) == 0;
}

static void find_answers(const Net *net, const Answers *noted, Answers *ret) {
        const Uplinks *u = &net->uplinks[NAT_IPV6];

        *ret = (Answers){ .address = { .v6 = net->host->config->guest_address6 } };
        if (!net_has_ipv6(net) || !net_masquerade_is_off(net, NAT_IPV6))
                return;
        for (size_t i = 0; i < u->n; i++)
                if (is_on_link(net, &ret->address, u->list[i]) &&
                    is_ours_to_add(net, noted, &ret->address, u->list[i]))
                        strcpy(ret->uplinks.list[ret->uplinks.n++], u->list[i]);
}

/* Those of `a` that `except` does not have. 1 = one was changed. */
static int set_answers(Net *net, const Answers *a, const Answers *except, bool on) {
        int worst = 0;

        for (size_t i = 0; i < a->uplinks.n; i++) {
                int index = (int) if_nametoindex(a->uplinks.list[i]), r = 0;

                if (index > 0 && !answers_have(except, &a->address, a->uplinks.list[i]))
                        r = net_neighbour_proxy_set(net->rtnl, index, &a->address, on);
                if (worst >= 0 && r != 0)
                        worst = r;
        }
        return worst;
}

static void drop_answers(Net *net, const Answers *noted, const Answers *keep) {
        int r = set_answers(net, noted, keep, false);

        if (r < 0)
                log_warning_errno(r, "cannot remove entries of the neighbour proxy table (%s): %m",
                                  net->host->ledger.ndp);
}

static int enable(Net *net, Fault *f) {
        _cleanup_free_ char *now = NULL;
        int r = sysctl_get(proxy_ndp.where, &now);

        if (r >= 0 && streq(now, "1") && net->answers == ANSWER_YES)
                return 0;
        return r < 0 ? r : host_share(net->host, &proxy_ndp, "1", f);
}

/* 1 = an entry or the setting has changed. */
static int answer(Net *net, const Answers *wanted, Fault *f) {
        static const Answers none;
        char text[ANSWERS_TEXT_MAX];
        int r = ledger_note_ndp(&net->host->ledger, answers_format(wanted, text)), enabled;

        if (r < 0)
                return r;
        enabled = enable(net, f);
        if (enabled < 0)
                return enabled;
        r = set_answers(net, wanted, &none, true);
        return r == 0 ? enabled : r;
}

static int stop_answering(Net *net) {
        int r = net->host->ledger.ndp ? host_unshare(net->host, &proxy_ndp) : 0;

        if (r == -EAGAIN)
                return r;
        net->answers = ANSWER_UNKNOWN;
        return net->host->ledger.ndp ? ledger_note_ndp(&net->host->ledger, NULL) : 0;
}

int net_ndp_up(Net *net, Fault *f) {
        _cleanup_(fault_done) Fault ignored = {};
        Answers noted, wanted;
        int r;

        answers_parse(net->host->ledger.ndp, &noted);
        find_answers(net, &noted, &wanted);
        drop_answers(net, &noted, &wanted);
        if (wanted.uplinks.n == 0)
                return stop_answering(net);
        r = answer(net, &wanted, &ignored);
        if (r == -EAGAIN)
                return r;
        net->answers = answer_of(r >= 0);
        net->answers_error = MIN(r, 0);
        return MAX(r, 0);
}

int net_ndp_follow(Net *net, Fault *f) {
        Answer before = net->answers;
        int r = net_ndp_up(net, f);

        if (r > 0 && before == ANSWER_YES)
                log_notice("the host answers neighbour solicitations for the guest again: %s",
                           net->host->ledger.ndp);
        return r == -EAGAIN ? r : 0;
}

int net_ndp_down(Net *net, Fault *f) {
        static const Answers none;
        Answers noted;

        answers_parse(net->host->ledger.ndp, &noted);
        drop_answers(net, &noted, &none);
        return stop_answering(net);
}
