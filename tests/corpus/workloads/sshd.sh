# SPDX-License-Identifier: Apache-2.0
# A login with a key, on the loopback. Needs root and the user sshd that Debian's package makes. What it starts is exec.
[ "$(id -u)" = 0 ] && [ ! -d /run/sshd ] && mkdir -p /run/sshd
conf() { # conf LINES: a configuration, keys and a client's command in ${ask[@]}
  port=$(free_port); ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub authorized; chmod 600 authorized
  printf 'Port %s\nListenAddress 127.0.0.1\nHostKey %s/host\nPidFile %s/pid\nAuthorizedKeysFile %s/authorized\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nUsePAM no\nLogLevel ERROR\nSubsystem sftp internal-sftp\nUseDNS no\n%s\n' \
    "$port" "$PWD" "$PWD" "$PWD" "${1:-}" > conf
  ask=(-F /dev/null -i key -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -o LogLevel=ERROR -o BatchMode=yes -o IdentitiesOnly=yes -p "$port" "$(id -un)@127.0.0.1")
}
up() { start "$BIN" -D -e -f "$PWD/conf"; until_true port_open "$port"; }
for name in login sftp tunnel terminal reload pam environment agent; do TAGS[$name]=exec; done

w_test() { conf; "$BIN" -t -f "$PWD/conf"; echo $?; "$BIN" -T -f "$PWD/conf" | grep -c permitrootlogin; "$BIN" -T -C user=root,host=a,addr=127.0.0.1 -f "$PWD/conf" | grep -c strictmodes; }
w_usage() { "$BIN" -V > /dev/null 2>&1; echo $?; "$BIN" -t -f /nonexistent 2> /dev/null; echo $?; conf 'Nonsense yes'; "$BIN" -t -f "$PWD/conf" 2> /dev/null; echo $?; }
w_login() { conf; up; echo x | ssh "${ask[@]}" 'cat; exit 3'; echo $?; stop TERM; }
w_refused() { conf; up; : > authorized; ssh "${ask[@]}" true 2> /dev/null; echo $?; ssh "${ask[@]/$(id -un)@/nosuchuser@}" true 2> /dev/null; echo $?; ssh-keyscan -T 3 -p "$port" 127.0.0.1 2> /dev/null | wc -l; exec 7<> "/dev/tcp/127.0.0.1/$port"; printf 'nonsense\r\n' >&7; cut -c 1-4 <&7 | sed -n 1p; exec 7>&-; stop TERM; }
w_sftp() { conf; up; echo hay > f; printf 'put f g\nls g\nget g h\nmkdir d\nrename g d/i\nchmod 600 d/i\nln -s f l\nrm d/i\nrmdir d\ndf\n' > batch; sftp -q -F /dev/null -i key -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -P "$port" -b batch "$(id -un)@127.0.0.1:$PWD" > out 2> /dev/null; echo $?; cat h; stop TERM; }
w_tunnel() { conf; up; other=$(free_port); ssh -f -N -M -S "$PWD/ctl" -L "127.0.0.1:$other:127.0.0.1:$port" -R 127.0.0.1:0:127.0.0.1:1 "${ask[@]}"; until_true port_open "$other"; exec 7<> "/dev/tcp/127.0.0.1/$other"; head -c 4 <&7; echo; exec 7>&-; ssh -S "$PWD/ctl" -O exit x 2> /dev/null; echo $?; stop TERM; }
w_terminal() { conf; up; (sleep 1; printf 'tty; exit 4\n'; sleep 0.5) | on_terminal "ssh -tt ${ask[*]}"; echo $?; stop TERM; }
w_reload() { conf; up; pid=$server; kill -HUP $pid; sleep 0.6; until_true port_open "$port"; ssh "${ask[@]}" echo again; stop TERM; }
w_environment() { conf "$(printf 'AcceptEnv X\nPermitUserEnvironment yes\nBanner %s/f\nForceCommand echo forced\nMaxStartups 3:30:9\nClientAliveInterval 1\nCompression yes\nRekeyLimit 1M\nAllowUsers root\nMatch User root\n  PrintMotd yes' "$PWD")"; echo b > f; up; X=y ssh -C -o SendEnv=X "${ask[@]}" 2> /dev/null; echo $?; stop TERM; }
w_agent() { conf; up; eval "$(ssh-agent)" > /dev/null; ssh-add -q key; ssh -A "${ask[@]}" 'ssh-add -l | wc -l'; kill "$SSH_AGENT_PID"; stop TERM; }
w_inetd() { conf; python3 -c 'import socket,sys,subprocess
s=socket.create_server(("127.0.0.1",int(sys.argv[1]))); c,_=s.accept(); sys.exit(subprocess.call(sys.argv[2:],stdin=c,stdout=c))' "$port" "$BIN" -i -f "$PWD/conf" & until_true sh -c "ss -ltn | grep -q ':$port '"; ssh-keyscan -T 3 -p "$port" 127.0.0.1 2> /dev/null | wc -l; kill %1 2> /dev/null; true; }
w_debug() { conf; start timeout 5 "$BIN" -d -f "$PWD/conf"; sleep 1; ssh-keyscan -t ed25519 -T 3 -p "$port" 127.0.0.1 2> /dev/null | wc -l; wait $server; echo $?; } 2> /dev/null
w_port_taken() { conf; up; "$BIN" -D -e -f "$PWD/conf" 2> /dev/null; echo $?; stop TERM; }
w_daemon() { conf; "$BIN" -f "$PWD/conf"; until_true test -s pid; until_true port_open "$port"; kill "$(cat pid)"; until_true test ! -e pid; echo ended; }
