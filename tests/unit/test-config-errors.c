/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-config-errors.c - every way in which NAME.conf can be wrong, and the exact words about it.
 */

#include <stdio.h>

#include "test.h"

#include "unit/config-refused.h"

#include "conf/settings.h"

static void test_lines(void **state) {
        static const Case cases[] = {
                { "Memory=64M\n", "1: Memory: not in a section; put it below [Guest]" },
                { "foo", "1: \"foo\": neither [Section] nor Key=value" },
                { "[Guest]\n=64M\n", "2: \"=64M\": neither [Section] nor Key=value" },
                { "[Guest]\nMemory: 64M\n", "2: \"Memory: 64M\": neither [Section] nor Key=value" },
                { "[Guest]\n:=64M\n", "2: \":=64M\": neither [Section] nor Key=value" },
                { "[Guest]\nMemory\n", "2: \"Memory\": neither [Section] nor Key=value" },
                { "[Guest]\nAppend=a\n  b\n", "3: \"b\": neither [Section] nor Key=value" },
                { "[Guest]\nAppend=a \\\nb\n",
                  "2: Append: \"a \\x5c\": unterminated quote, or a backslash at the end" },
                { "[Guest\n", "1: \"[Guest\": text after [Section]; remove it" },
                { "[\n", "1: \"[\": text after [Section]; remove it" },
                { "[Guest] # x\n", "1: \"[Guest] # x\": text after [Section]; remove it" },
                { "[Guest] Memory=64M\n",
                  "1: \"[Guest] Memory=64M\": text after [Section]; remove it" },
                { "[Guest]]\n", "1: \"[Guest]]\": text after [Section]; remove it" },
                { "[]\n", "1: \"\": unknown section; umld.conf(5) lists them" },
                { "[Guset]\n", "1: \"Guset\": unknown section; did you mean [Guest]?" },
                { "[guest]\n", "1: \"guest\": unknown section; did you mean [Guest]?" },
                { "[ Guest ]\n", "1: \" Guest \": unknown section; umld.conf(5) lists them" },
                { "[Gast\xc3\xa4]\n",
                  "1: \"Gast\\xc3\\xa4\": unknown section; umld.conf(5) lists them" },
                { "\n\n[Unit]\n", "3: \"Unit\": unknown section; umld.conf(5) lists them" },
                { "[Guest]\nMemory=64M ; RAM\n", "2: Memory: \" ; RAM\": this would begin a "
                                                 "comment; move the comment to a line of its own" },
                { "[Guest]\nMemory=64M\t# RAM\n",
                  "2: Memory: \"\\x09# RAM\": this would begin a comment; move the comment to a "
                  "line of its own" },
                { "[Guest]\nAppend= ;x\n", "2: Append: \" ;x\": this would begin a comment; move "
                                           "the comment to a line of its own" },
        };

        assert_refused(cases, ARRAY_SIZE(cases));
}

static void test_bytes(void **state) {
        static const Case cases[] = {
                { "\xef\xbb\xbf[Guest]\n",
                  "1: begins with a byte order mark; save it as UTF-8 without one" },
                { "[Guest]\r\nMemory=64M\r\n",
                  "1: contains a carriage return; save it with Unix line endings (LF)" },
                { "[Guest]\n\n# \x1b[31m\n", "3: contains control character 0x1b; remove it" },
                { "[Guest]\n# \x7f", "2: contains control character 0x7f; remove it" },
                { "[Guest]\n# caf\xe9\n",
                  "2: contains byte 0xe9, which is not UTF-8; save it as UTF-8" },
                { "\xff\xfe[", "1: contains byte 0xff, which is not UTF-8; save it as UTF-8" },
                { "# \xc3", "1: contains byte 0xc3, which is not UTF-8; save it as UTF-8" },
                { "# \x80", "1: contains byte 0x80, which is not UTF-8; save it as UTF-8" },
                { "# \xc0\xaf",
                  "1: contains byte 0xc0, which is not UTF-8; save it as UTF-8" }, /* overlong */
                { "# \xe0\x80\xaf",
                  "1: contains byte 0xe0, which is not UTF-8; save it as UTF-8" }, /* overlong */
                { "# \xed\xa0\x80",
                  "1: contains byte 0xed, which is not UTF-8; save it as UTF-8" }, /* surrogate */
                { "# \xf4\x90\x80\x80",
                  "1: contains byte 0xf4, which is not UTF-8; save it as UTF-8" }, /* too large */
                { "# \xf8\x88\x80\x80\x80",
                  "1: contains byte 0xf8, which is not UTF-8; save it as UTF-8" },
        };
        assert_refused(cases, ARRAY_SIZE(cases));
        assert_bytes_refused("[Guest]\nMemory=64M\0\n", 20,
                             "2: contains control character 0x00; remove it");
}

static void test_keys(void **state) {
        static const Case cases[] = {
                { "[Guest]\nMemoy=64M\n", "2: Memoy: unknown key; did you mean Memory=?" },
                { "[Guest]\nmemory=64M\n", "2: memory: unknown key; did you mean Memory=?" },
                { "[Guest]\nMeomry=64M\n", "2: Meomry: unknown key; did you mean Memory=?" },
                { "[Guest]\nDsik=/a\n", "2: Dsik: unknown key; did you mean Disk=?" },
                { "[Guest]\nDSN=1.1.1.1\n",
                  "2: DSN: unknown key; did you mean DNS= in [Network]?" },
                { "[Guest]\nColour=red\n", "2: Colour: unknown key; umld.conf(5) lists all keys" },
                { "[Guest]\nx=\n", "2: x: unknown key; umld.conf(5) lists all keys" },
                { "Colour=red\n", "1: Colour: unknown key; umld.conf(5) lists all keys" },
                { "[Guest]\n\xc3\xa4=1\n",
                  "2: \\xc3\\xa4: unknown key; umld.conf(5) lists all keys" },
                { "[Guest]\nTap=tap1\n", "2: Tap: belongs in [Network], not in [Guest]" },
                { "[Memory]\nMemory=64M\n", "2: Memory: belongs in [Guest], not in [Memory]" },
                { "[Guest]\nMemory=64M\n\nMemory=64M\n",
                  "4: Memory: already set on line 2; keep one of the two" },
                { "[Guest]\nMemory=\n",
                  "2: Memory: missing value; add one, or remove the key for the default 64M" },
                { "[Network]\nForward=\n",
                  "2: Forward: missing value; add one, or remove the key" },
                { "[Guest]\nDisk=\n", "2: Disk: missing value; add one, or remove the key for the "
                                      "default STATE/NAME/root.img" },
        };

        assert_refused(cases, ARRAY_SIZE(cases));
}

/* Every key is supported. */
static void test_all_supported(void **state) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (size_t i = 0; i < n; i++)
                assert_true(setting_supported(&s[i]));
}

static void test_guest(void **state) {
#define SIZE_FORM "invalid size; use a number with K, M or G, for example 64M"
#define DISK_CHARS                                                                                 \
        "contains white space, ':' or '\"', which no UML kernel can open; rename the file"
        static const Case cases[] = {
                { "Kernel=linux",
                  "\"linux\": not an absolute path; use for example /usr/bin/linux.uml" },
                { "Kernel=/usr/bin/",
                  "\"/usr/bin/\": not an absolute path; use for example /usr/bin/linux.uml" },
                { "Memory=64X", "\"64X\": " SIZE_FORM },
                { "Memory=-64M", "\"-64M\": " SIZE_FORM },
                { "Memory=64 M", "\"64 M\": " SIZE_FORM },
                { "Memory=lots", "\"lots\": " SIZE_FORM },
                { "Memory=64", "\"64\": too small; at least 32M" },
                { "Memory=31M", "\"31M\": too small; at least 32M" },
                { "Memory=33554433", "\"33554433\": not a multiple of 4K" },
                { "Memory=2T", "\"2T\": too large; at most 1T" },
                { "Memory=99999999999999999999G",
                  "\"99999999999999999999G\": too large; at most 1T" },
                { "CPUs=0", "\"0\": not a number from 1 to 64" },
                { "CPUs=65", "\"65\": not a number from 1 to 64" },
                { "CPUs=two", "\"two\": not a number from 1 to 64" },
                { "CPUs=1.5", "\"1.5\": not a number from 1 to 64" },
                { "Disk=root.img", "\"root.img\": not an absolute path" },
                { "Disk=/images/", "\"/images/\": not an absolute path" },
                { "Disk=,ro", "\"\": not an absolute path" },
                { "Disk=/my disk", "\"/my disk\": " DISK_CHARS },
                { "Disk=/a:b", "\"/a:b\": " DISK_CHARS },
                { "Disk=/\"a\"", "\"/\"a\"\": " DISK_CHARS },
                { "Disk=/a,swap",
                  "the first disk holds the root file system; put this line after that of the "
                  "root disk" },
                { "Disk=/a,swap=1", "\"1\": invalid size of swap space; use for example "
                                    ",swap=256M" },
                { "Disk=/a,swap=1000000",
                  "\"1000000\": invalid size of swap space; use for example ,swap=256M" },
                { "Disk=/a,swap=64M,ro", "swap space is written, and lost when the guest ends; "
                                         "remove ,ro ,sync and ,cow=" },
                { "Disk=/a,rw",
                  "\"rw\": unknown disk suffix; use ,ro ,sync ,adopt ,cow=FILE or ,swap=SIZE "
                  "(names cannot contain commas)" },
                { "Disk=/a,", "\"\": unknown disk suffix; use ,ro ,sync ,adopt ,cow=FILE or "
                              ",swap=SIZE (names cannot "
                              "contain commas)" },
                { "Disk=/a, ro",
                  "\" ro\": unknown disk suffix; use ,ro ,sync ,adopt ,cow=FILE or ,swap=SIZE "
                  "(names cannot contain commas)" },
                { "Disk=/a,cow=b", "\"b\": not an absolute path" },
                { "Disk=/a,cow=/b c", "\"/b c\": " DISK_CHARS },
                { "Disk=/a,cow=/b,cow=/c", "\"cow=/c\": second cow=; a disk can have only one" },
                { "Disk=/a,ro,cow=/b",
                  "a disk with ,ro is never written, so ,cow= is useless; remove one of them" },
                { "Root=/dev/sda", "\"/dev/sda\": unknown value; use disk or hostfs:DIR" },
                { "Root=hostfs", "\"hostfs\": unknown value; use disk or hostfs:DIR" },
                { "Root=hostfs:srv", "\"srv\": not an absolute path" },
                { "Root=hostfs:/", "\"/\": not an absolute path" },
                { "Share=srv", "\"srv\": not an absolute path" },
                { "Share=/", "\"/\": not an absolute path" },
                { "Share=/srv/a,rw",
                  "\"/srv/a,rw\": not a plain path of a directory; use one without "
                  "commas, //, /./ and "
                  "/../" },
                { "Share=/srv/../etc", "\"/srv/../etc\": not a plain path of a directory; use one "
                                       "without commas, //, /./ "
                                       "and /../" },
                { "Share=/srv/..,ro", "\"/srv/..\": not a plain path of a directory; use one "
                                      "without commas, //, /./ and "
                                      "/../" },
                { "FastBoot=maybe", "\"maybe\": neither yes nor no" },
                { "Hostname=-web", "\"-web\": invalid host name; use up to 64 letters, digits, '-' "
                                   "and '.' between them" },
                { "Hostname=web.", "\"web.\": invalid host name; use up to 64 letters, digits, '-' "
                                   "and '.' between them" },
                { "Hostname=a..b", "\"a..b\": invalid host name; use up to 64 letters, digits, '-' "
                                   "and '.' between them" },
                { "Hostname=my_web",
                  "\"my_web\": invalid host name; use up to 64 letters, digits, '-' "
                  "and '.' between them" },
                { "Hostname=a12345678901234567890123456789012345678901234567890123456789012345",
                  "\"a12345678901234567890123456789012345678901234567890123456789…\": invalid host "
                  "name; use up to 64 letters, digits, '-' and '.' between them" },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *text = strfmt("[Guest]\n%s\n", c->text),
                                    *error = strfmt("2: %.*s: %s", (int) strcspn(c->text, "="),
                                                    c->text, c->error);

                assert_bytes_refused(text, strlen(text), error);
        }
}

static void test_append(void **state) {
#define OUT "remove it; "
#define ONE "not a single kernel argument; to include spaces, write 'name=\"two words\"'"
        static const Case cases[] = {
                { "mem=64m", "\"mem=64m\": not allowed in Append=; use Memory=" },
                { "quiet mem=64m", "\"mem=64m\": not allowed in Append=; use Memory=" },
                { "'\"mem=64m\"'", "\"\"mem=64m\"\": not allowed in Append=; use Memory=" },
                { "ncpus=2", "\"ncpus=2\": not allowed in Append=; use CPUs=" },
                { "hostname=x", "\"hostname=x\": not allowed in Append=; use Hostname=" },
                { "ubda=/a", "\"ubda=/a\": not allowed in Append=; use Disk=" },
                { "ubd0rsd=/a", "\"ubd0rsd=/a\": not allowed in Append=; use Disk=" },
                { "ubd=sync", "\"ubd=sync\": not allowed in Append=; use Disk=" },
                { "eth0=tuntap,x",
                  "\"eth0=tuntap,x\": not allowed in Append=; use Tap= with Transport=tuntap" },
                { "eth12=slirp",
                  "\"eth12=slirp\": not allowed in Append=; use Tap= with Transport=tuntap" },
                { "vec0:transport=tap", "\"vec0:transport=tap\": not allowed in Append=; use Tap= "
                                        "with Transport=vector" },
                { "con=null",
                  "\"con=null\": not allowed in Append=; " OUT "umld reads the console" },
                { "con0=fd:0",
                  "\"con0=fd:0\": not allowed in Append=; " OUT "umld reads the console" },
                { "umid=x", "\"umid=x\": not allowed in Append=; " OUT "umld sets the name" },
                { "uml_dir=/tmp",
                  "\"uml_dir=/tmp\": not allowed in Append=; " OUT "umld sets the directory" },
                { "mconsole=notify:/x",
                  "\"mconsole=notify:/x\": not allowed in Append=; " OUT "umld listens there" },
                { "hostfs=/", "\"hostfs=/\": not allowed in Append=; " OUT
                              "umld keeps the host's files from the guest" },
                { "noreboot", "\"noreboot\": not allowed in Append=; " OUT
                              "umld always sets it, see Restart=" },
                { "--showconfig",
                  "\"--showconfig\": not allowed in Append=; " OUT "it makes the kernel exit" },
                { "'a b'", "\"a b\": " ONE },
                { "a\\ mem=64m", "\"a mem=64m\": " ONE },
                { "''", "\"\": " ONE },
                { "'a=\"b'", "\"a=\"b\": " ONE },
                { "'open", "\"'open\": unterminated quote, or a backslash at the end" },
        };
        static const char *const good[] = {
                "root=/dev/ubdb1", "init=/bin/sh", "rw",     "ro",      "console=tty0",
                "memtest=1",       "ethernet=1",   "vector", "ubd_x=1", "ssl0=null",
                "contiguous=1",    "hostfs_x=1",   "--",     "--debug"
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *text = strfmt("[Guest]\nAppend=%s\n", c->text),
                                    *error = strfmt("2: Append: %s", c->error);

                assert_bytes_refused(text, strlen(text), error);
        }
        FOREACH_ELEMENT (g, good) {
                _cleanup_free_ char *text = strfmt("[Guest]\nAppend=%s\n", *g), *error = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                ASSERT_OK(config_parse("web", "web.conf", text, strlen(text), "/root.img", &c,
                                       &error));
                assert_int_equal(c->append.n, 1);
        }
}

static void test_network(void **state) {
#define IFNAME                                                                                     \
        "invalid interface name; use up to 15 letters, digits, '.', '_' and '-', for example "
        static const Case cases[] = {
                { "Tap=sixteen-letters-", "\"sixteen-letters-\": " IFNAME "tap0" },
                { "Tap=a/b", "\"a/b\": " IFNAME "tap0" },
                { "Tap=tap%d", "\"tap%d\": " IFNAME "tap0" },
                { "Tap=a,b", "\"a,b\": " IFNAME "tap0" },
                { "Tap=..", "\"..\": " IFNAME "tap0" },
                { "Tap=-x", "\"-x\": " IFNAME "tap0" },
                { "Tap=all", "\"all\": " IFNAME "tap0" },
                { "MTU=0", "\"0\": not a number from 576 to 65521" },
                { "HostAddress6=fd00::1",
                  "\"fd00::1\": not an IPv6 ADDRESS/PREFIX; use for example fd00:0:0:1::1/64" },
                { "HostAddress6=10.0.0.1/24",
                  "\"10.0.0.1/24\": not an IPv6 ADDRESS/PREFIX; use for example fd00:0:0:1::1/64" },
                { "HostAddress6=fd00::1/127", "\"fd00::1/127\": prefix length not from 8 to 126" },
                { "HostAddress6=::/64", "\"::/64\": not a unicast address; use a private one, for "
                                        "example fd00:0:0:1::1/64" },
                { "HostAddress6=fe80::1/64", "\"fe80::1/64\": not a unicast address; use a private "
                                             "one, for example fd00:0:0:1::1/64" },
                { "GuestAddress6=10.0.0.2",
                  "\"10.0.0.2\": not an IPv6 unicast address; use for example fd00:0:0:1::2" },
                { "GuestAddress6=ff02::1",
                  "\"ff02::1\": not an IPv6 unicast address; use for example fd00:0:0:1::2" },
                { "MTU=575", "\"575\": not a number from 576 to 65521" },
                { "MTU=65522", "\"65522\": not a number from 576 to 65521" },
                { "MTU=uplink", "\"uplink\": not a number from 576 to 65521" },
                { "HostAccess=yes", "\"yes\": unknown value; use no, icmp or all" },
                { "MTU=575", "\"575\": not a number from 576 to 65521" },
                { "MTU=65522", "\"65522\": not a number from 576 to 65521" },
                { "MTU=uplink", "\"uplink\": not a number from 576 to 65521" },
                { "HostAccess=yes", "\"yes\": unknown value; use no, icmp or all" },
                { "Uplink=default", "\"default\": " IFNAME "eth0" },
                { "Uplink=eth0 auto eth0", "\"eth0\": named twice" },
                { "Uplink6=a b c d e", "\"e\": too many interfaces; use at most 4" },
                { "SNATAddress=127.0.0.1",
                  "\"127.0.0.1\": not an address of the host; use one, for example 203.0.113.7" },
                { "SNATAddress=203.0.113.7 203.0.113.8",
                  "\"203.0.113.8\": a second address of the same family; name one of each" },
                { "HostAddress=10.0.0.1",
                  "\"10.0.0.1\": not ADDRESS/PREFIX; use for example 10.0.0.1/24" },
                { "HostAddress=10.0.0/24",
                  "\"10.0.0/24\": not ADDRESS/PREFIX; use for example 10.0.0.1/24" },
                { "HostAddress=fd00::1/64",
                  "\"fd00::1/64\": not ADDRESS/PREFIX; use for example 10.0.0.1/24" },
                { "HostAddress=10.0.0.1/31", "\"10.0.0.1/31\": prefix length not from 8 to 30" },
                { "HostAddress=10.0.0.1/7", "\"10.0.0.1/7\": prefix length not from 8 to 30" },
                { "HostAddress=10.0.0.1/99", "\"10.0.0.1/99\": prefix length not from 8 to 30" },
                { "HostAddress=127.0.0.1/24", "\"127.0.0.1/24\": not a unicast address; use a "
                                              "private one, for example 10.0.0.1/24" },
                { "HostAddress=224.0.0.1/24", "\"224.0.0.1/24\": not a unicast address; use a "
                                              "private one, for example 10.0.0.1/24" },
                { "HostAddress=0.0.0.1/24", "\"0.0.0.1/24\": not a unicast address; use a private "
                                            "one, for example 10.0.0.1/24" },
                { "HostAddress=10.0.0.0/24", "\"10.0.0.0/24\": this is the network or broadcast "
                                             "address; use one between them" },
                { "HostAddress=10.0.0.255/24", "\"10.0.0.255/24\": this is the network or "
                                               "broadcast address; use one between them" },
                { "GuestAddress=10.0.0.2/24",
                  "\"10.0.0.2/24\": not an IPv4 address; use for example 10.0.0.2" },
                { "GuestAddress=10.0.0.256",
                  "\"10.0.0.256\": not an IPv4 address; use for example 10.0.0.2" },
                { "Mem=64M", "unknown key; did you mean Memory= in [Guest]?" },
                { "Port=tcp/80", "unknown key; did you mean Forward=?" },
                { "IP=10.0.0.2", "unknown key; did you mean GuestAddress=?" },
                { "Reserve=22", "\"22\": invalid port: did you mean tcp/22?" },
                { "Reserve=22-30", "\"22-30\": invalid port: did you mean tcp/22-30?" },
                { "Reserve=22/udp", "\"22/udp\": invalid port: did you mean udp/22?" },
                { "Uplink=venet0:0",
                  "\"venet0:0\": an interface's address, not an interface; write venet0" },
                { "DNS=fe80::1", "\"fe80::1\": not the address of a name server; separate them by "
                                 "spaces, for example 8.8.8.8 8.8.4.4" },
                { "Reach=internet moon",
                  "\"moon\": use internet, link, metadata, neighbours, no, or networks such as "
                  "192.168.0.0/16" },
                { "Reach=no link", "\"link\": \"no\" excludes everything else; remove one" },
                { "Reach=0.0.0.0/0", "\"0.0.0.0/0\": use internet, link, metadata, neighbours, no, "
                                     "or networks such as "
                                     "192.168.0.0/16" },
                { "Connections=5", "\"5\": not a number from 16 to 100000000" },
                { "Bandwidth=in:1M 2M", "\"2M\": a second rate for the same direction" },
                { "Bandwidth=out:1M out:1M", "\"out:1M\": a second rate for the same direction" },
                { "Bandwidth=1K", "\"1K\": not a rate from 64K to 32G bits a second; for example "
                                  "in:100M out:20M" },
                { "Bandwidth=33G", "\"33G\": not a rate from 64K to 32G bits a second; for "
                                   "example in:100M out:20M" },
                { "Bandwidth=in:", "\"\": not a rate from 64K to 32G bits a second; for "
                                   "example in:100M out:20M" },
                { "Bandwidth=20000000000G", "\"20000000000G\": not a rate from 64K to 32G bits a "
                                            "second; for example in:100M out:20M" },
                { "DNS=8.8.8.8,8.8.4.4",
                  "\"8.8.8.8,8.8.4.4\": not the address of a name server; separate them by "
                  "spaces, for example 8.8.8.8 8.8.4.4" },
                { "DNS=0.0.0.0", "\"0.0.0.0\": not the address of a name server; separate "
                                 "them by spaces, for example 8.8.8.8 8.8.4.4" },
                { "DNS=1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4",
                  "\"4.4.4.4\": too many name servers; at most 3 are possible" },
                { "Transport=slirp", "\"slirp\": unknown value; use auto, tuntap or vector" },
                { "Masquerade=yes", "\"yes\": unknown value; use auto, masquerade, snat or no" },
                { "Backend=ipfw", "\"ipfw\": unknown value; use auto, iptables or nftables" },
                { "Forward=tcp/80 tcp/0",
                  "\"tcp/0\": invalid forward: ports must be from 1 to 65535" },
                { "Forward=alle", "\"alle\": invalid forward: use PROTO/PORT, PROTO/PORT-PORT or "
                                  "PROTO/PORT:PORT, for example tcp/8080:80" },
                { "Reserve=tcp/80:81", "\"tcp/80:81\": invalid port: use PROTO/PORT or "
                                       "PROTO/PORT-PORT, for example tcp/8000-8010" },
                { "Reserve=tcp/22 22", "\"22\": invalid port: did you mean tcp/22?" },
                { "Reserve=,",
                  "\",\": empty list; use a port, for example tcp/8443 tcp/9000-9010" },
                { "Proxy=udp/53", "\"udp/53\": invalid relay: only TCP can be relayed; use for "
                                  "example tcp/8080:80" },
                { "Proxy=all",
                  "\"all\": invalid relay: only TCP can be relayed; use for example tcp/8080:80" },
                { "Proxy=tcp4/80", "\"tcp4/80\": invalid relay: a relay listens on all addresses "
                                   "of the host; use for example tcp/8080:80" },
                { "Proxy=tcp/203.0.113.7:80",
                  "\"tcp/203.0.113.7:80\": invalid relay: a relay listens on all addresses of the "
                  "host; use for example tcp/8080:80" },
                { "Proxy=tcp/0", "\"tcp/0\": invalid relay: ports must be from 1 to 65535" },
                { "Forward=,",
                  "\",\": empty list; use a forward, for example tcp/8080:80 tcp/8000-8010" },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *text = strfmt("[Network]\n%s\n", c->text),
                                    *error = strfmt("2: %.*s: %s", (int) strcspn(c->text, "="),
                                                    c->text, c->error);

                assert_bytes_refused(text, strlen(text), error);
        }
}

static void test_rest(void **state) {
#define TIME_FORM "invalid time; use a number with ms, s, min or h, for example "
        static const Case cases[] = {
                { "[Memory]\nBacking=dir\n",
                  "2: Backing: \"dir\": unknown value; use auto, shm, private or dir:PATH" },
                { "[Memory]\nBacking=disk:/x\n",
                  "2: Backing: \"disk:/x\": unknown value; use auto, shm, private or dir:PATH" },
                { "[Memory]\nBacking=dir:x\n", "2: Backing: \"dir:x\": not an absolute path; use "
                                               "for example dir:/var/lib/umld/memory" },
                { "[Memory]\nBalloon=yes\n", "2: Balloon: \"yes\": unknown value; use no or auto" },
                { "[Supervise]\nReady=now\n",
                  "2: Ready: \"now\": unknown value; use boot or guest" },
                { "[Supervise]\nStartTimeout=5m\n", "2: StartTimeout: \"5m\": " TIME_FORM "90s" },
                { "[Supervise]\nStartTimeout=infinity\n",
                  "2: StartTimeout: \"infinity\": " TIME_FORM "90s" },
                { "[Supervise]\nRestartDelay=x\n", "2: RestartDelay: \"x\": " TIME_FORM "30s" },
                { "[Supervise]\nStartTimeout=0\n",
                  "2: StartTimeout: \"0\": too short; at least 1ms" },
                { "[Supervise]\nStopTimeout=999us\n",
                  "2: StopTimeout: \"999us\": too short; at least 1ms" },
                { "[Supervise]\nStopTimeout=366d\n",
                  "2: StopTimeout: \"366d\": too long; at most 365d" },
                { "[Supervise]\nRestartReset=99999999999999999999h\n",
                  "2: RestartReset: \"99999999999999999999h\": too long; at most 365d" },
                { "[Supervise]\nHangCheck=99ms\n",
                  "2: HangCheck: \"99ms\": too short; at least 100ms" },
                { "[Supervise]\nHangCheck=often\n", "2: HangCheck: \"often\": invalid time; use a "
                                                    "number with ms, s, min or h, for example 5s" },
                { "[Supervise]\nHangTimeout=0\n",
                  "2: HangTimeout: \"0\": too short; at least 100ms" },
                { "[Supervise]\nRestart=on-failure\n",
                  "2: Restart: \"on-failure\": unknown value; use no, on-crash or always" },
                { "[Console]\nLog=2\n", "2: Log: \"2\": neither yes nor no" },
                { "[Console]\nLogMax=0\n", "2: LogMax: \"0\": too small; at least 4K" },
                { "[Console]\nLogMax=x\n",
                  "2: LogMax: \"x\": invalid size; use a number with K, M or G, for example 10M" },
                { "[Console]\nLogFiles=0\n", "2: LogFiles: \"0\": not a number from 1 to 100" },
                { "[Confine]\nRequired=user walls\n",
                  "2: Required: \"walls\": no layer of confinement; use user, capabilities, "
                  "no-new-privileges, pid-namespace, ipc-namespace, uts-namespace, "
                  "network-namespace, root, cgroup, memory, cpu, bandwidth, not-dumpable, seccomp, "
                  "limits" },
                { "[Confine]\nRequired=cpu\n",
                  "2: Required: the layer cpu is switched off by CPUQuota=; remove one of them" },
                { "[Guest]\nCPUQuota=50\n",
                  "2: CPUQuota: \"50\": not a percentage; use one from 1% to 100000%, for example "
                  "80%" },
                { "[Guest]\nCPUQuota=%\n",
                  "2: CPUQuota: \"%\": not a percentage; use one from 1% to 100000%, for example "
                  "80%" },
                { "[Guest]\nCPUQuota=0%\n",
                  "2: CPUQuota: \"0%\": not a percentage; use one from 1% to 100000%, for example "
                  "80%" },
                { "[Guest]\nCPUWeight=0\n", "2: CPUWeight: \"0\": not a number from 1 to 10000" },
                { "[Confine]\nPrivatePIDs=no\nRequired=user pid-namespace\n",
                  "3: Required: the layer pid-namespace is switched off by PrivatePIDs=; remove "
                  "one "
                  "of them" },
                { "[Confine]\nRequired=user\nUser=root\n",
                  "2: Required: the layer user is switched off by User=; remove one of them" },
                { "[Confine]\nUser=0\n",
                  "2: User: \"0\": this is the superuser; write root if that is intended" },
                { "[Confine]\nUser=65535\n",
                  "2: User: \"65535\": invalid user; use auto, or the name or number of a user" },
                { "[Confine]\nUser=4294967295\n", "2: User: \"4294967295\": invalid user; use "
                                                  "auto, or the name or number of a user" },
                { "[Confine]\nUser=a b\n",
                  "2: User: \"a b\": invalid user; use auto, or the name or number of a user" },
                { "[Confine]\nUser=-1\n",
                  "2: User: \"-1\": invalid user; use auto, or the name or number of a user" },
        };

        assert_refused(cases, ARRAY_SIZE(cases));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),   cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_keys),    cmocka_unit_test(test_all_supported),
                cmocka_unit_test(test_guest),   cmocka_unit_test(test_append),
                cmocka_unit_test(test_network), cmocka_unit_test(test_rest),
        };

        return RUN_TESTS(tests);
}
