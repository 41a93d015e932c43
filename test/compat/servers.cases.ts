/**
 * Cases of `servers.test.ts`: a shell script a row, run natively and inside. It starts a server of
 * the distribution on a port of its own ($PORT, the next ones are free, too), drives it by a real
 * client over the loopback, ends it by its signal, and prints what must be equal.
 */

export interface ServerCase {
  readonly name: string;
  /** Program → package that has it. */
  readonly programs: Readonly<Record<string, string>>;
  readonly script: string;
  /** A path that the machine must have. */
  readonly needs?: string;
  /** Only by `npm run long -- servers`. */
  readonly isLong?: boolean;
}

/** Waits until something listens at the port. */
export const PRELUDE = `
up() { for i in $(seq 300); do (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && return 0; sleep 0.05; done; echo "nothing at $1"; return 1; }
`;

export const SERVER_CASES: readonly ServerCase[] = [
  {
    name: 'redis: types, transactions, AOF and RDB over SIGTERM and a restart',
    programs: { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' },
    script: `
start() { redis-server --port $PORT --dir . --appendonly yes --save "3600 1" "$@" > log 2>&1 & server=$!; up $PORT; }
cli() { redis-cli -p $PORT "$@"; }
start; cli ping; cli set greeting "hello world"; cli incr n
printf 'GET greeting\\nINCRBY n 41\\nRPUSH list a b c\\nLRANGE list 0 -1\\nHSET h f1 v1 f2 v2\\nHGETALL h\\nZADD z 2 two 1 one\\nZRANGE z 0 -1 WITHSCORES\\nMULTI\\nSET a 1\\nINCR a\\nEXEC\\nNOSUCH\\nLPUSH greeting x\\n' | cli
cli eval 'return {KEYS[1], ARGV[1], redis.call("get", "a")}' 1 k v; cli set gone 1 px 50; sleep 0.2; cli exists gone
for i in $(seq 300); do echo "SET key:$i value-$i"; done | cli --pipe | tail -1; cli dbsize
cli subscribe c > sub & subscriber=$!; for i in $(seq 100); do [ "$(cli publish c news)" = 1 ] && break; sleep 0.05; done; sleep 0.2; kill $subscriber; wait $subscriber 2>/dev/null; sed -n 1,6p sub
cli bgsave > /dev/null; for i in $(seq 100); do cli info persistence | grep -q rdb_bgsave_in_progress:0 && break; sleep 0.05; done; cli info persistence | grep -o 'rdb_last_bgsave_status:[a-z]*'
kill -TERM $server; wait $server; echo "exit $?"; ls dump.rdb; ls appendonlydir | wc -l
start; printf 'GET greeting\\nDBSIZE\\nGET key:277\\n' | cli; kill -TERM $server; wait $server; echo "exit $?"; rm -rf appendonlydir
start --appendonly no; printf 'GET n\\nDBSIZE\\n' | cli; cli shutdown nosave; wait $server; echo "exit $?"; rm -rf log sub dump.rdb appendonlydir`,
  },
  {
    name: 'nginx: master and workers, files, TLS, ab, reload',
    programs: { nginx: 'nginx-light', curl: 'curl', ab: 'apache2-utils', openssl: 'openssl' },
    script: `
mkdir -p www temp; head -c 10240 /dev/zero | tr '\\0' x > www/ten; echo "<h1>hello</h1>" > www/index.html; chmod -R a+rX .
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=localhost 2>/dev/null
cat > nginx.conf <<END
user root; worker_processes 2; pid $PWD/pid; error_log $PWD/errors warn; events { worker_connections 256; }
http { access_log off; log_not_found off; sendfile on; tcp_nopush on; client_body_temp_path $PWD/temp; proxy_temp_path $PWD/temp; fastcgi_temp_path $PWD/temp; uwsgi_temp_path $PWD/temp; scgi_temp_path $PWD/temp;
server { listen 127.0.0.1:$PORT reuseport; listen 127.0.0.1:$((PORT+1)) ssl; ssl_certificate $PWD/cert.pem; ssl_certificate_key $PWD/key.pem; root $PWD/www;
location /back { proxy_pass http://127.0.0.1:$PORT/ten; } location /moved { return 301 /ten; } } }
END
nginx -p $PWD -c $PWD/nginx.conf -g 'daemon off;' & server=$!; up $PORT
curl -s http://127.0.0.1:$PORT/ http://127.0.0.1:$PORT/ -w '%{num_connects}\\n'; curl -s http://127.0.0.1:$PORT/ten | wc -c; curl -s -o /dev/null -w '%{http_code} %{size_download}\\n' http://127.0.0.1:$PORT/none
curl -sk https://127.0.0.1:$((PORT+1))/ten | md5sum; curl -s http://127.0.0.1:$PORT/back | md5sum; curl -sL http://127.0.0.1:$PORT/moved | md5sum; curl -s -r 10-19 http://127.0.0.1:$PORT/ten; echo
ab -q -n 400 -c 16 -k http://127.0.0.1:$PORT/ten | grep -E 'Complete|Failed|Keep-Alive requests'; ab -q -n 100 -c 8 http://127.0.0.1:$PORT/ten | grep -E 'Complete|Failed'
kill -HUP $server; sleep 0.5; curl -s http://127.0.0.1:$PORT/; kill -QUIT $server; wait $server; echo "exit $?"; cat errors; rm -rf www temp key.pem cert.pem nginx.conf errors pid`,
  },
  {
    name: 'memcached: threads, the text protocol over many connections',
    programs: { memcached: 'memcached' },
    script: `
memcached -u root -l 127.0.0.1 -p $PORT -t 4 -m 16 & server=$!; up $PORT
ask() { exec 3<>/dev/tcp/127.0.0.1/$PORT; printf "$1" >&3; printf 'quit\\r\\n' >&3; tr -d '\\r' <&3; exec 3>&-; }
ask 'set k 0 0 5\\r\\nhello\\r\\nget k\\r\\nadd k 0 0 1\\r\\nx\\r\\nappend k 0 0 3\\r\\n-en\\r\\nget k\\r\\ndelete k\\r\\nget k\\r\\n'
(for i in 1 2 3 4 5 6 7 8; do ask "set n$i 0 0 1\\r\\n$i\\r\\nincr n$i 10\\r\\n" & done; wait) | sort | uniq -c | tr -s ' '; ask 'get n1 n8\\r\\nbogus\\r\\nstats settings\\r\\n' | grep -E 'VALUE|^1|ERROR|num_threads |^END'
kill -TERM $server; wait $server; echo "exit $?"`,
  },
  {
    name: 'python3: http.server and asyncio',
    programs: { python3: 'python3-minimal', curl: 'curl' },
    isLong: true,
    script: `
echo content > file; python3 -u -m http.server --bind 127.0.0.1 $PORT > log 2>&1 & server=$!; up $PORT; curl -s http://127.0.0.1:$PORT/file; curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:$PORT/none; kill -TERM $server; wait $server; echo "exit $?"; rm log file
cat > echo.py <<END
import asyncio, socket
async def serve(r, w):
    while line := await r.readline(): w.write(line.upper()); await w.drain()
    w.close()
async def talk(port, i):
    r, w = await asyncio.open_connection('127.0.0.1', port)
    for k in range(10):
        w.write(f'{i} says {k}\\n'.encode()); await w.drain(); assert (await r.readline()) == f'{i} SAYS {k}\\n'.encode()
    w.write_eof(); rest = await r.read(); w.close(); return len(rest) + i
class Udp(asyncio.DatagramProtocol):
    def connection_made(self, t): self.t = t
    def datagram_received(self, d, a): self.t.sendto(d[::-1], a)
async def main():
    s = await asyncio.start_server(serve, '127.0.0.1', 0, backlog=64)
    port = s.sockets[0].getsockname()[1]
    print(sum(await asyncio.gather(*[talk(port, i) for i in range(50)])))
    s.close(); await s.wait_closed()
    loop = asyncio.get_running_loop()
    t, _ = await loop.create_datagram_endpoint(Udp, local_addr=('::1', 0))
    c = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); c.setblocking(False); c.connect(t.get_extra_info('sockname')[:2])
    await loop.sock_sendall(c, b'abc'); print(await loop.sock_recv(c, 9)); t.close()
    print(sorted({f.name for f, *_ in await loop.getaddrinfo('localhost', 80, family=socket.AF_INET)}))
asyncio.run(main())
END
python3 echo.py; rm echo.py`,
  },
  {
    name: 'busybox: httpd with a script, wget',
    programs: { busybox: 'busybox', curl: 'curl' },
    script: `
mkdir -p www/cgi-bin; seq 2000 > www/numbers; printf '#!/bin/sh\\necho "Content-Type: text/plain"; echo; echo "$REQUEST_METHOD $QUERY_STRING"; cat\\n' > www/cgi-bin/echo; chmod +x www/cgi-bin/echo
busybox httpd -f -p 127.0.0.1:$PORT -h www & server=$!; up $PORT
busybox wget -q -O - http://127.0.0.1:$PORT/numbers | md5sum; busybox wget -q -O - "http://127.0.0.1:$PORT/cgi-bin/echo?a=b"; curl -s -d posted "http://127.0.0.1:$PORT/cgi-bin/echo?x"; echo; busybox wget -q -O - http://127.0.0.1:$PORT/none || echo "wget $?"
kill $server; wait $server; echo "exit $?"; rm -r www`,
  },
  {
    name: 'git: clone, push and fetch over a daemon, clone over http',
    programs: { git: 'git', python3: 'python3-minimal' },
    isLong: true,
    script: `
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'; printf '[user]\\nname = t\\nemail = t@example.com\\n[init]\\ndefaultBranch = main\\n[safe]\\ndirectory = *\\n[gc]\\nauto = 0\\n' > .gitconfig
git init -q --bare srv/one.git; git init -q work; cd work; for i in 1 2 3; do seq $((i*500)) > f$i; git add .; git commit -qm "commit $i"; done; git push -q ../srv/one.git main; cd ..
git daemon --reuseaddr --listen=127.0.0.1 --port=$PORT --base-path=$PWD/srv --export-all --enable=receive-pack & server=$!; up $PORT
git clone -q git://127.0.0.1:$PORT/one.git copy && git -C copy log --oneline; (cd copy; echo new > f4; git add .; git commit -qm four; git push -q origin main); git -C work fetch -q git://127.0.0.1:$PORT/one.git main && git -C work log --oneline -1 FETCH_HEAD
kill $server; wait $server; (cd srv/one.git; git update-server-info); python3 -m http.server --bind 127.0.0.1 --directory srv $((PORT+1)) > /dev/null 2>&1 & server=$!; up $((PORT+1)); git clone -q http://127.0.0.1:$((PORT+1))/one.git web && git -C web log --oneline | wc -l; kill $server; wait $server; rm -rf srv work copy web .gitconfig`,
  },
  {
    name: 'PostgreSQL: initdb as a user of its own, SQL, pgbench, shutdown',
    programs: { psql: 'postgresql-client-15', setpriv: 'util-linux' },
    needs: '/usr/lib/postgresql',
    isLong: true,
    script: `
D=$(mktemp -d); cd $D; B=$(ls -d /usr/lib/postgresql/*/bin | tail -1); chown 65534:65534 $D
as() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$D "$@"; }
as $B/initdb -D db -U pg -A trust --no-sync -E UTF8 --locale=C > log 2>&1; echo "initdb $?"; [ -f db/PG_VERSION ] || tail -20 log
as $B/postgres -D db -p $PORT -k '' -h 127.0.0.1 -c fsync=off -c max_connections=20 -c shared_buffers=16MB > server.log 2>&1 & server=$!; up $PORT; for i in $(seq 100); do $B/pg_isready -q -h 127.0.0.1 -p $PORT && break; sleep 0.1; done
sql() { psql -X -h 127.0.0.1 -p $PORT -U pg -d postgres -At "$@"; }
sql -c 'create table t(id serial primary key, v text)' -c "insert into t(v) select 'row ' || g from generate_series(1, 5000) g" -c 'create index on t(v)' -c 'select count(*), min(v), max(v) from t' -c "select v from t where v = 'row 4711'"
sql -c 'begin; delete from t where id < 10; rollback; select count(*) from t' ; sql -c 'select 1/0' 2>&1; printf 'copy t(v) from stdin;\\na\\nb\\n\\\\.\\n' | sql; sql -c 'select count(*) from t'
$B/pgbench -h 127.0.0.1 -p $PORT -U pg -i -s 1 -q postgres > /dev/null 2>&1; echo "pgbench -i $?"; $B/pgbench -h 127.0.0.1 -p $PORT -U pg -c 4 -j 2 -t 25 -n postgres 2>/dev/null | grep -E 'actually|failed'
sql -c 'select sum(abalance) = (select sum(delta) from pgbench_history) from pgbench_accounts'
kill -INT $(head -1 db/postmaster.pid); wait $server; echo "exit $?"; grep -c 'database system is shut down' server.log; cd /; rm -rf $D`,
  },
];
