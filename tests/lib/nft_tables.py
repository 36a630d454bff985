# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's table of nftables in the words of iptables-save, so that one test can be run with both."""

import itertools
import re

BASES = {"forward": ("filter", "FORWARD"), "input": ("filter", "INPUT"), "prerouting": ("nat", "PREROUTING"),
         "output": ("nat", "OUTPUT"), "postrouting": ("nat", "POSTROUTING"), "mangle": ("mangle", "FORWARD")}
KINDS = {"FWD": "filter", "IN": "filter", "MSS": "mangle"}  # of our chains; all others are for nat
VERDICTS = {"accept": "-j ACCEPT", "drop": "-j DROP", "return": "-j RETURN", "masquerade": "-j MASQUERADE",
            "tcp option maxseg size set rt mtu": "-j TCPMSS --clamp-mss-to-pmtu"}
STATES = {"established,related": "RELATED,ESTABLISHED", "dnat": "DNAT"}

# What a rule begins with, and what iptables-save has for it at which place of its line.
MATCHES = [
    (3, r'iifname "([^"]+)" ', "-i {}"),
    (4, r'oifname "([^"]+)" ', "-o {}"),
    (0, r"meta nfproto ipv[46] ", ""),
    (1, r"ip saddr ([0-9.]+) ", "-s {}/32"),
    (2, r"ip daddr ([0-9.]+) ", "-d {}/32"),
    (1, r"ip6 saddr ([0-9a-f:]+) ", "-s {}/128"),
    (2, r"ip6 daddr ([0-9a-f:]+) ", "-d {}/128"),
    (5, r"icmp type echo-request ", "-p icmp -m icmp --icmp-type 8"),
    (5, r"icmpv6 type nd-neighbor-solicit ", "-p ipv6-icmp -m icmp6 --icmpv6-type 135"),
    (5, r"icmpv6 type nd-neighbor-advert ", "-p ipv6-icmp -m icmp6 --icmpv6-type 136"),
    (5, r"icmpv6 type echo-request ", "-p ipv6-icmp -m icmp6 --icmpv6-type 128"),
    (5, r"tcp flags syn / syn,rst ", "-p tcp -m tcp --tcp-flags SYN,RST SYN"),
    (5, r"(tcp|udp) dport ([0-9-]+) ", "-p {0} -m {0} --dport {1}"),
    (6, r"ct (?:state|status) ([a-z,]+) ", "{}"),
    (0, r"counter ", ""),
]


def translate_rule(rule):
    """(the line without its states, the states)"""
    parts, states, rest = {}, None, rule + " "
    while True:
        for place, pattern, words in MATCHES:
            m = re.match(pattern, rest)
            if m:
                rest = rest[m.end():]
                if place == 6:
                    states = STATES[m[1]]
                else:
                    parts[place] = words.format(*(g.replace("-", ":") if pattern.startswith("(tcp") else g
                                                  for g in m.groups()))
                break
        else:
            break
    rest = rest.strip()
    target = re.fullmatch(r"(dnat|snat) ip6? to (\S+)", rest)
    if target:
        word = "destination" if target[1] == "dnat" else "source"
        verdict = f"-j {target[1].upper()} --to-{word} {target[2]}"
    elif rest.startswith("jump "):
        verdict = f"-j {rest[5:]}"
    else:
        verdict = VERDICTS.get(rest, f"-j ? {rest}")
    return " ".join(parts[p] for p in sorted(parts) if parts[p]), states, verdict


def merge(rules):
    """Two rules that differ in their states alone are one in iptables."""
    for (before, verdict), group in itertools.groupby(map(translate_rule, rules), lambda r: (r[0], r[2])):
        for with_states, several in itertools.groupby(group, lambda r: r[1] is not None):
            several = list(several)
            states = f"-m conntrack --ctstate {','.join(r[1] for r in several)}" if with_states else ""
            for _ in range(1 if with_states else len(several)):
                yield " ".join(w for w in (before, states, verdict) if w)


def is_ipv6(chain, rule):
    return chain.endswith("-ip6") or "meta nfproto ipv6 " in rule


def flatten(ruleset):
    """The rules of a ruleset, each as TABLE CHAIN RULE."""
    for name, table in re.findall(r"(?ms)^table \S+ (\S+) \{\n(.*?)^\}", ruleset):
        for chain, body in re.findall(r"(?ms)^\tchain (\S+) \{\n(.*?)^\t\}", table):
            yield from (f"{name} {chain} {rule} " for rule in map(str.strip, body.splitlines())
                        if rule and not rule.startswith("type "))


def as_iptables(ruleset, *tables, ipv6=False):
    """The lines "-A CHAIN RULE" of all tables of guests in that ruleset (nft -s list ruleset), of one family."""
    lines = {t: {"base": [], "own": []} for t in ("filter", "nat", "mangle")}
    for table in re.findall(r"(?ms)^table inet umld-[^\n]* \{\n(.*?)^\}", ruleset):
        for chain, body in re.findall(r"(?ms)^\tchain (\S+) \{\n(.*?)^\t\}", table):
            rules = [r for r in map(str.strip, body.splitlines())
                     if r and not r.startswith("type ") and is_ipv6(chain, r) == ipv6]
            kind, name = BASES.get(chain, (KINDS.get(chain.split("-")[1] if "-" in chain else "", "nat"), chain))
            place = "base" if chain in BASES else "own"
            lines[kind][place] += [f"-A {name} {rule}".replace("-ip6", "") for rule in merge(rules)]
    for t in tables:
        yield from lines[t]["base"]
        yield from sorted(lines[t]["own"], key=lambda line: line.split()[1])  # of a chain in its order
