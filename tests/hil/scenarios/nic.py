# SPDX-License-Identifier: BSD-2-Clause
"""Every ethtool and devlink call, with what it answers and what it refuses; MTU, VLAN, resets; a card without offloads."""

from trouble import Claims

START = r"""
cat >/tmp/qstats.py <<'END'
# The kernel's statistics of each queue (netlink family netdev): "rx 0 packets bytes" and so on.
import socket, struct, sys
ifindex = int(sys.argv[1])
def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
def ask(family, flags, command, attributes):
    body = struct.pack("=BBH", command, 1, 0) + attributes
    link.send(struct.pack("=IHHII", 16 + len(body), family, 1 | flags, 1, 0) + body)
def attributes(data):
    at, found = 0, {}
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        found[kind & 0x3FFF] = data[at + 4 : at + size]
        at += size + 3 & ~3
    return found
def messages():
    while True:
        data, at = link.recv(65536), 0
        while at < len(data):
            size, kind = struct.unpack_from("=IH", data, at)
            if kind == 3:
                return
            if kind == 2:
                sys.exit(f"netlink error {struct.unpack_from('=i', data, at + 16)[0]}")
            yield attributes(data[at + 20 : at + size])
            at += size + 3 & ~3
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
ask(16, 0, 3, attr(2, b"netdev\0"))
family = struct.unpack("=H", next(messages())[1])[0]
ask(family, 0x300, 12, attr(1, struct.pack("=I", ifindex)) + attr(4, struct.pack("=I", 1)))
for found in messages():
    rx = found[2] == bytes(4)
    number = [int.from_bytes(found[i], sys.byteorder) for i in ((3, 8, 9) if rx else (3, 10, 11))]
    print("rx" if rx else "tx", *number)
END

# says TEXT COMMAND...: it succeeds, and its output has TEXT (an extended regular expression).
says() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || fail "$*: $out"
	grep -Eq -- "$text" <<<"$out" || fail "$*: not '$text': $out"
	echo "ok       $*"
}

card_up 10.0.0.1/24
sysctl -qw net.ipv6.conf.vesper0.disable_ipv6=1
ip neigh replace 10.0.0.9 lladdr 02:56:53:50:00:01 dev vesper0
BDF=$(basename "$(readlink /sys/class/net/vesper0/device)")
D=pci/$BDF
moves 'at first'
"""

SCRIPT = r"""
step ethtool
says '^driver: vesper' ethtool -i vesper0
says '^firmware-version: [0-9]+\.[0-9]+\.[0-9]+ abi 2\.' ethtool -i vesper0
says "^bus-info: $BDF" ethtool -i vesper0
says 'Link detected: yes' ethtool vesper0
says '^RX:.*4096' ethtool -g vesper0
says '' ethtool -G vesper0 rx 512 tx 128
says '^TX:[[:space:]]+128$' ethtool -g vesper0
moves 'other rings'
refuses 'not a power of two from 8 to 4096' ethtool -G vesper0 rx 500
refuses 'not a power of two from 64 to 4096' ethtool -G vesper0 tx 32
refuses 'exceeds maximum|Invalid argument' ethtool -G vesper0 rx 8192
says '^Combined:[[:space:]]+2' ethtool -l vesper0
says '' ethtool -L vesper0 combined 1
says '^Combined:[[:space:]]+1$' ethtool -l vesper0
[ "$(ls -d /sys/class/net/vesper0/queues/tx-* | wc -l)" = 1 ] || fail 'ethtool -L 1: not one queue'
moves 'one pair'
says '' ethtool -L vesper0 combined 2
refuses 'exceeds maximum|Invalid argument' ethtool -L vesper0 combined 3
refuses '.' ethtool -L vesper0 combined 0
says 'Adaptive RX: on[[:space:]]+TX: on' ethtool -c vesper0
says 'rx-usecs:[[:space:]]+4' ethtool -c vesper0
says '' ethtool -C vesper0 adaptive-rx off
says 'Adaptive RX: off[[:space:]]+TX: off' ethtool -c vesper0
says '' ethtool -C vesper0 rx-usecs 20
says 'tx-usecs:[[:space:]]+20' ethtool -c vesper0
says '' ethtool -C vesper0 tx-frames 4
says 'rx-frames:[[:space:]]+4' ethtool -c vesper0
moves 'with moderation'
refuses 'rx and tx must be alike' ethtool -C vesper0 rx-usecs 30 tx-usecs 40
refuses 'At most 16776 microseconds' ethtool -C vesper0 rx-usecs 16777
refuses 'At most 255 frames' ethtool -C vesper0 rx-frames 256
refuses 'would wait for ever' ethtool -C vesper0 rx-usecs 0
refuses 'unsupported' ethtool -C vesper0 rx-usecs-irq 8
says '' ethtool -C vesper0 rx-frames 0
says '' ethtool -C vesper0 rx-usecs 0
says '' ethtool -C vesper0 adaptive-tx on rx-usecs 4
says 'Adaptive RX: on[[:space:]]+TX: on' ethtool -c vesper0
says 'RX:[[:space:]]+off' ethtool -a vesper0
refuses . ethtool -A vesper0 rx on
for feature in rx-checksumming scatter-gather tx-checksum-ip-generic tcp-segmentation-offload tx-tcp-ecn-segmentation \
	tx-tcp6-segmentation generic-receive-offload receive-hashing highdma esp-hw-offload \
	esp-tx-csum-hw-offload tx-esp-segmentation; do
	says "^[[:space:]]*$feature: on\$" ethtool -k vesper0
done
says '' ethtool -K vesper0 tx off
says '^tcp-segmentation-offload: off' ethtool -k vesper0
moves 'without checksums'
says '' ethtool -K vesper0 tx on sg on tso on
says '^tcp-segmentation-offload: on' ethtool -k vesper0
says '' ethtool -K vesper0 rx off rxhash off
moves 'without received checksums'
says '' ethtool -K vesper0 rx on rxhash on
says 'toeplitz: on' ethtool -x vesper0
if kernel_before 6.8; then
	# Debian 13's ethtool asks with a field (input_xfrm) that such a kernel wants to be 0.
	refuses 'Invalid argument' ethtool -X vesper0 equal 1
else
	says '' ethtool -X vesper0 equal 1
	says '' ethtool -L vesper0 combined 1
	refuses . ethtool -X vesper0 equal 2
	says '' ethtool -L vesper0 combined 2
	says '' ethtool -X vesper0 weight 1 3
	refuses . ethtool -L vesper0 combined 1
	refuses . ethtool -X vesper0 hfunc crc32
	says '' ethtool -X vesper0 default
	key=6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa
	says '' ethtool -X vesper0 hkey $key
	says "^$key" ethtool -x vesper0
fi
says 'L4 bytes 0' ethtool -n vesper0 rx-flow-hash tcp4
[ -z "$(ethtool -n vesper0 rx-flow-hash udp6 | grep L4)" ] || fail 'UDP is hashed by ports'
says '' ethtool -N vesper0 rx-flow-hash udp6 sdfn
says 'L4 bytes 0' ethtool -n vesper0 rx-flow-hash udp6
refuses . ethtool -N vesper0 rx-flow-hash udp4 sf
moves 'another key'
says '0x0000:[[:space:]]+52 50 53 56' ethtool -d vesper0 hex on
says 'software-transmit' ethtool -T vesper0
[ "$(value queue0_tx_packets)" -gt 0 ] || fail 'no packets of queue 0'
[ "$(value card_rx_ok)" -gt 0 ] || fail 'the card counts nothing'
echo "ok       ethtool -S vesper0: $(ethtool -S vesper0 | wc -l) counters"

step 'statistics'
rx=$(cat /sys/class/net/vesper0/statistics/rx_packets)
[ "$rx" = $(($(value queue0_rx_packets) + $(value queue1_rx_packets))) ] || fail 'ndo_get_stats64 and ethtool -S differ'
if ! kernel_before 6.12; then
	python3 /tmp/qstats.py "$(cat /sys/class/net/vesper0/ifindex)" >/tmp/qstats
	cat /tmp/qstats
	[ "$(awk '$1 == "rx" {n += $3} END {print n}' /tmp/qstats)" = "$rx" ] || fail "queues' statistics differ from $rx"
	[ "$(grep -c . /tmp/qstats)" = 4 ] || fail 'not two queues each way'
fi

step 'interface'
refuses 'mtu greater than device maximum' ip link set vesper0 mtu 9601
refuses 'mtu less than device minimum' ip link set vesper0 mtu 67
says '' ip link set vesper0 mtu 9600
moves 'MTU 9600'
says '' ip link set vesper0 mtu 1500
says '' ip link set vesper0 promisc on
says '' ip link set vesper0 promisc off
says '' ip maddress add 01:00:5e:00:00:77 dev vesper0
says '01:00:5e:00:00:77' ip maddress show dev vesper0
refuses . ip link set vesper0 address 01:00:00:00:00:01
ip link add link vesper0 name v7 type vlan id 7
says 'vlan protocol 802.1Q id 7' ip -d link show dev v7
ip link del v7

step devlink
says 'driver vesper' devlink dev info $D
says 'board.id 1234:7e59' devlink dev info $D
says 'fw.mgmt.api 2\.' devlink dev info $D
says 'fw [0-9]+\.[0-9]+\.[0-9]+' devlink dev info $D
mkdir -p /lib/firmware
head -c 100 /dev/zero >/lib/firmware/vesper.bin
refuses 'takes no image' devlink dev flash $D file vesper.bin
says 'name sa size 2048 occ 0 unit entry' devlink resource show $D
ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1001 aead 'rfc4106(gcm(aes))' 0x$(printf '%040d' 0) 128 \
	offload dev vesper0 dir out
says 'name sa size 2048 occ 1 unit entry' devlink resource show $D
ip xfrm state flush
refuses 'larger than maximum' devlink resource set $D path sa size 4096
says 'state healthy' devlink health show $D reporter firmware
says 'state healthy' devlink health show $D reporter queues
says 'data path open: true' devlink health diagnose $D reporter firmware
says 'rx completions:' devlink health diagnose $D reporter queues
# resets NUMBER: so many have been, now or soon.
resets() {
	local waited=0
	until [ "$(value resets)" = $1 ]; do
		sleep 0.5
		waited=$((waited + 1))
		[ $waited -lt 20 ] || fail "$(value resets) resets, not $1"
	done
}
says '' devlink health test $D reporter queues
resets 1
moves 'queues recovered'
says '' devlink health test $D reporter firmware
resets 2
moves 'card reset by devlink'
says 'error 1 recover 1' devlink health show $D reporter queues
says 'error 1 recover 1' devlink health show $D reporter firmware
says 'rx completions:' devlink health dump show $D reporter queues
says 'mbx_status:' devlink health dump show $D reporter firmware
says '' devlink health dump clear $D reporter queues
says '' devlink health set $D reporter queues auto_recover false
says '' devlink health test $D reporter queues
sleep 1
says 'state error' devlink health show $D reporter queues
refuses 'not recovered yet' devlink health test $D reporter queues
ip link set vesper0 down
refuses 'interface is down' devlink health recover $D reporter queues
refuses 'interface is down' devlink health test $D reporter queues
ip link set vesper0 up
ip neigh replace 10.0.0.9 lladdr 02:56:53:50:00:01 dev vesper0
moves 'up again after a fault'
says '' devlink health recover $D reporter queues
says 'state healthy' devlink health show $D reporter queues
resets 3
moves 'queues recovered by hand'

step 'resets that others ask for'
echo 1 >/sys/bus/pci/devices/$BDF/reset
moves 'sysfs reset'
ip link set vesper0 down
for n in 1 2 3 4 5; do
	rmmod vesper
	insmod /work/module/vesper.ko
done
says 'fw\.mgmt\.api' devlink dev info $D
dmesg | grep -i vesper | tail -n 12
no_trouble
"""

# The driver with a card of ABI 2.0, which has no offloads.
WITHOUT = r"""
step 'a card without offloads'
says '^firmware-version: [0-9]+\.[0-9]+\.[0-9]+ abi 2\.0' ethtool -i vesper0
for feature in rx-checksumming scatter-gather tx-checksum-ip-generic tcp-segmentation-offload receive-hashing \
	esp-tx-csum-hw-offload tx-esp-segmentation; do
	says "^[[:space:]]*$feature: off( |\$)" ethtool -k vesper0
done
refuses . ethtool -K vesper0 tso on
refuses . ethtool -X vesper0 equal 2
refuses . ethtool -n vesper0 rx-flow-hash tcp4
refuses 'no interrupt moderation' ethtool -C vesper0 rx-usecs 50
refuses 'no interrupt moderation' ethtool -C vesper0 adaptive-rx on
says 'rx-usecs:[[:space:]]+0' ethtool -c vesper0
says '' ip link set vesper0 mtu 9600
moves 'MTU 9600'
says '' ip maddress add 01:00:5e:00:00:77 dev vesper0
says '' ip link set vesper0 promisc on
moves 'promiscuous'
[ "$(value queue0_tx_checksum_by_card)$(value queue0_tx_tso)$(value queue0_rx_checksum_by_card)" = 000 ] ||
	fail 'the card is counted to have done what it cannot do'
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 500


def run(lab):
    lab.vm("guest1", START + SCRIPT, cards=[lab.card("card1", "loop")])
    plain = Claims(lab, lab.card("card2", "loop"), {0x004: 2 << 16, 0x008: 0x7FFF})
    lab.vm("guest2", START + WITHOUT, cards=[plain])
