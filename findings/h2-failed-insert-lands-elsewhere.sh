#!/usr/bin/env bash
# H2 2.5.252 (Maven, its server for PostgreSQL's protocol) under psycopg 3.3.9 (PyPI): an INSERT with parameters that fails, its table does
# not exist, is reported as failed, and inserts its values into the table of the INSERT before it. libpq sends Parse, Bind and Execute in one
# write, as the protocol allows: the server has to skip everything behind an error up to Sync. H2 answers the Parse with the error and then
# runs Bind and Execute with the statement that it parsed before. A load test in which some statements
# fail, as they do, writes rows that no statement of it asks for, and counts of rows and requests disagree.
# seen: 3 inserts into a table that is not there failed ("Table "nosuch" not found"); the table of the insert before them has 4 rows: 1 2 3 4
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill -9 -- "-$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
mvn -q -B dependency:copy -Dartifact=com.h2database:h2:2.5.252 -DoutputDirectory="$d" >mvn.log 2>&1
python3 -m pip install -q --no-cache-dir --disable-pip-version-check --root-user-action ignore --target py 'psycopg[binary]==3.3.9' >pip.log 2>&1
cat > test.py <<'P'
import sys, time
import psycopg
end = time.time() + 40
while True:
    try:
        c = psycopg.connect('host=127.0.0.1 port=%s user=sa password=sa dbname=x sslmode=disable' % sys.argv[1], autocommit=True)
        break
    except psycopg.OperationalError:
        if time.time() > end:
            sys.exit('not up')
        time.sleep(0.2)
c.execute('create table good (n int)')
c.execute('insert into good values (%s)', (1,))
errors = []
for v in 2, 3, 4:
    try:
        c.execute('insert into nosuch values (%s)', (v,))
    except psycopg.Error as e:
        errors.append(str(e).split(';')[0])
rows = [n for n, in c.execute('select n from good order by n').fetchall()]
if len(errors) != 3 or rows != [1, 2, 3, 4]:
    sys.exit('no longer so: %s %s' % (errors, rows))
print('seen: 3 inserts into a table that is not there failed ("%s"); the table of the insert before them has %d rows: %s'
      % (errors[0], len(rows), ' '.join(map(str, rows))))
P
port=$(python3 -c "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1])")
setsid java -cp h2-2.5.252.jar org.h2.tools.Server -pg -pgPort "$port" -ifNotExists -baseDir "$d" >h2.log 2>&1 & pids=$!
disown
PYTHONPATH=$d/py python3 test.py "$port"
