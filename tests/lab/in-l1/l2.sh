# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests in L1: guests. A guest is a stock Debian kernel with an initramfs
# of busybox, stock drivers and an agent that runs commands (in-l2/init).

l2_dir=/run/l2
# Boot without what only costs time when the processor is emulated twice.
l2_append='no_timer_check tsc=reliable mitigations=off nokaslr edd=off lsm= audit=0'
# A guest that does not come to its turn says so after twenty seconds (a soft lockup, an
# RCU stall), or longer where everything takes longer.
if [ "$LAB_SLOW" != 1 ]; then
	l2_append+=" watchdog_thresh=$((LAB_SLOW < 6 ? 10 * LAB_SLOW : 60))"
	l2_append+=" rcupdate.rcu_cpu_stall_timeout=$((LAB_SLOW < 14 ? 21 * LAB_SLOW : 300))"
fi

# l2_start NAME [--mem MB] [QEMU argument...] : boot a guest, wait for its agent
#
# A processor that is emulated twice sometimes loses its timer while the guest's
# kernel boots, and nothing moves any more. That is the lab's failure, so it is
# said and the guest started again; a QEMU that ends by itself is not, and a guest that
# is only slow gets its time.
l2_start() {
	local try rc=0 pid
	for try in 1 2 3; do
		l2_spawn "$@" || return
		rc=0
		l2_boots "$1" || rc=$?
		[ $rc != 0 ] || return 0
		[ $rc = 124 ] || break
		echo "lab: guest $1 hung while it booted (try $try)"
		l2_stuck "$1" >"/out/l2-$1.hung$try" 2>&1 || :
		pid=$(cat "$l2_dir/$1/pid")
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	echo "guest $1 did not come up"
	cat "$l2_dir/$1/qemu.log"
	tail -n 15 "/out/l2-$1.console"
	return 1
}

# l2_boots NAME : until the guest answers; 124 if it does not move any more, or never
# will
l2_boots() {
	local rc before now=0
	for _ in 1 2 3 4 5 6 7 8; do
		before=$now rc=0
		l2_run "$1" true 25 || rc=$?
		[ $rc = 124 ] || return $rc
		# A second of processor time in that while, in ticks, is nothing.
		now=$(awk '{ print $14 + $15 }' "/proc/$(cat "$l2_dir/$1/pid")/stat")
		[ $((now - before)) -gt 100 ] || return 124
	done
	return 124
}

# l2_stuck NAME : what can be seen of a guest that does not move, from outside
l2_stuck() {
	local i
	cat "/out/l2-$1.console"
	for i in 1 2 3; do
		l2_qmp "$1" '{"execute":"human-monitor-command","arguments":{"command-line":"info registers"}}' |
			grep -oE 'R[IS]P=[0-9a-f]+|RFL=[^\\]*|HLT=[01]'
		sleep 0.3
	done
	l2_qmp "$1" '{"execute":"human-monitor-command","arguments":{"command-line":"info lapic"}}'
	grep -iE 'kvm|vfio' /proc/interrupts
}

# l2_spawn : as l2_start, but return while the guest boots
l2_spawn() {
	local name=$1 mem=256 d=$l2_dir/$1 kernel accel=(-accel kvm -cpu host)
	shift
	[ "${1-}" != --mem ] || { mem=$2; shift 2; }
	# Guests share L1's one CPU: polling for the one would starve the other.
	[ -e /dev/kvm ] || modprobe kvm halt_poll_ns=0
	[ -e /dev/kvm ] || modprobe kvm-amd 2>/dev/null || modprobe kvm-intel
	kernel=$(echo /boot/vmlinuz-*-amd64)
	rm -rf "$d"
	mkdir -p "$d"
	mkfifo "$d/agent.in" "$d/agent.out" "$d/qmp.in" "$d/qmp.out"
	: >"/out/l2-$name.console"
	qemu-system-x86_64 "${accel[@]}" -machine q35,smm=off,sata=off,smbus=off -m "$mem" -nodefaults \
		-nographic -no-reboot -name "$name" \
		-kernel "$kernel" -initrd /out/l2.cpio \
		-append "console=ttyS0 loglevel=5 panic=-1 $l2_append lab.name=$name" \
		-serial "file:/out/l2-$name.console" \
		-chardev "pipe,id=agent,path=$d/agent" \
		-device virtio-serial-pci,bus=pcie.0,addr=1e \
		-device virtserialport,chardev=agent,name=lab.agent \
		-chardev "pipe,id=qmp,path=$d/qmp" -mon chardev=qmp,mode=control \
		"$@" >"$d/qemu.log" 2>&1 </dev/null &
	echo $! >"$d/pid"
}

# l2_line FD : the next whole line, in $line; fails when there is none after two seconds.
# Of a line that comes in two parts, the first is kept for the next call.
l2_line() {
	if ! IFS= read -r -t 2 line <&"$1"; then
		l2_part+=$line
		return 1
	fi
	line=$l2_part$line l2_part=
}

l2_alive() { kill -0 "$(cat "$l2_dir/$1/pid")" 2>/dev/null; }

# l2_run NAME COMMAND [SECONDS] : run it in the guest, show what it says,
# return its exit status (124: no answer in time, 125: no guest)
l2_run() {
	local d=$l2_dir/$1 id=$RANDOM$RANDOM end=$((SECONDS + ${3:-60} * LAB_SLOW)) in out
	local line l2_part=
	exec {in}<>"$d/agent.in" {out}<>"$d/agent.out"
	printf '%s %s\n' "$id" "$(base64 -w0 <<<"$2")" >&"$in"
	while [ $SECONDS -lt $end ]; do
		l2_line "$out" || {
			l2_alive "$1" || { exec {in}<&- {out}<&-; return 125; }
			continue
		}
		case $line in
		"> "*) printf '%s\n' "${line#> }" ;;
		"= $id "*)
			exec {in}<&- {out}<&-
			return "${line##* }" ;;
		esac
	done
	exec {in}<&- {out}<&-
	return 124
}

# l2_qmp NAME JSON : one QMP command; prints the answer, fails on an error and if
# there is none. By pipes, since a program that is started for each command would
# cost a guest that shares the processor more than the command does.
l2_qmp() {
	local d=$l2_dir/$1 id=$RANDOM$RANDOM end=$((SECONDS + 60 * LAB_SLOW)) in out rc=1
	local line l2_part=
	exec {in}<>"$d/qmp.in" {out}<>"$d/qmp.out"
	[ -e "$d/qmp.ready" ] || {
		printf '{"execute":"qmp_capabilities"}\n' >&"$in"
		: >"$d/qmp.ready"
	}
	printf '%s,"id":"%s"}\n' "${2%\}}" "$id" >&"$in"
	while [ $SECONDS -lt $end ]; do
		l2_line "$out" || {
			l2_alive "$1" || break
			continue
		}
		[[ $line == *"\"id\": \"$id\""* ]] || continue
		printf '%s\n' "$line"
		[[ $line == *'"error": {'* ]] || rc=0
		break
	done
	exec {in}<&- {out}<&-
	return $rc
}

# l2_stop NAME : orderly, by force when it does not listen
l2_stop() {
	local d=$l2_dir/$1 pid i
	pid=$(cat "$d/pid") || return
	printf '0 %s\n' "$(base64 -w0 <<<'poweroff -f')" 1<>"$d/agent.in" >&1
	for ((i = 0; i < 50; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.2
	done
	! kill -9 "$pid" 2>/dev/null || echo "guest $1 had to be killed"
	wait "$pid" 2>/dev/null || :
	rm -rf "$d"
}

l2_stop_all() {
	local d
	for d in "$l2_dir"/*/; do
		[ ! -e "$d/pid" ] || { kill -9 "$(cat "$d/pid")"; rm -rf "$d"; } 2>/dev/null
	done
}

# l2_send FROM TO ADDRESS MB : move MB random megabytes by TCP from guest FROM,
# whose address is ADDRESS, to guest TO; compare checksums, print the speed
l2_send() {
	local from=$1 to=$2 addr=$3 mb=$4 want got t0 t1
	want=$(l2_run "$from" "mkdir -p /tmp/www; dd if=/dev/urandom of=/tmp/www/data bs=1M count=$mb 2>/dev/null
		pidof httpd >/dev/null || httpd -p 5001 -h /tmp/www; md5sum </tmp/www/data") || return
	t0=$(date +%s%N)
	l2_run "$to" "wget -q -O /tmp/data http://$addr:5001/data" 120 || return
	t1=$(date +%s%N)
	got=$(l2_run "$to" 'md5sum </tmp/data; rm /tmp/data')
	[ "$want" = "$got" ] || { echo "checksum differs: $want / $got"; return 1; }
	awk -v mb="$mb" -v ns=$((t1 - t0)) 'BEGIN {
		printf "%d MB in %.1f s, %.1f MB/s, checksums equal\n", mb, ns/1e9, mb*1e9/ns }'
}
