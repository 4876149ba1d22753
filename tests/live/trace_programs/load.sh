# SPDX-License-Identifier: Apache-2.0
# Asks the server of server.go 200 times, eight at once, and says how many answers came.
while [ ! -e address ]; do sleep 0.05; done
for client in 1 2 3 4 5 6 7 8; do
  for i in $(seq 25); do curl -s -m 20 "http://$(cat address)/"; done &
done | grep -c '^hello$' | sed 's/$/ answers/'
