#!/usr/bin/env bash
# A small real workload to observe: a shell that works with files and child processes, then a TLS
# server and two TLS clients on 127.0.0.1, with a certificate made on the spot.
#
# usage: bash demo_workload.sh       (needs openssl; curl is used when it is there)
# prints what it does, a line each. Leaves nothing behind.
# exit status: 0, 1 a part of it failed
set -euo pipefail

work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cd "$work"

echo "workload: files and child processes"
mkdir notes
for number in 1 2 3; do
  echo "note $number" >"notes/$number.txt"
done
cat notes/*.txt | sort -r | sed -n 1p
cp notes/1.txt "notes/caf$(printf '\xc3\xa9').txt"
if cat notes/missing.txt 2>/dev/null; then
  exit 1
fi
(cd notes && find . -name '*.txt' | wc -l)

echo "workload: a TLS server on 127.0.0.1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout key.pem -out cert.pem 2>openssl.log || { cat openssl.log >&2; exit 1; }

# Port 0: the system chooses a free one, and the server says which in its first line.
mkfifo server.out
openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www \
  >server.out 2>server.log </dev/null &
server=$!
exec 3<server.out
port=
while IFS= read -r -t 20 line <&3; do
  case $line in
    ACCEPT*:*) port=${line##*:}; break ;;
  esac
done
[ -n "$port" ] || { echo "workload: the TLS server did not start:" >&2; cat server.log >&2; exit 1; }

echo "workload: openssl s_client on port $port"
printf 'GET / HTTP/1.0\r\n\r\n' |
  openssl s_client -connect "127.0.0.1:$port" -CAfile cert.pem -verify_return_error -quiet \
    -ign_eof 2>client.log | sed -n 1p || { cat client.log >&2; exit 1; }
if command -v curl >/dev/null; then
  echo "workload: curl on port $port"
  curl --silent --show-error --max-time 20 --cacert cert.pem "https://127.0.0.1:$port/" |
    grep -c . || exit 1
fi
echo "workload: done"
