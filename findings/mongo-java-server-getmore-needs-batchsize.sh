#!/usr/bin/env bash
# mongo-java-server 1.47.0 (Maven), documents in memory, under PyMongo 4.12.1 (PyPI): a getMore without batchSize, a field that MongoDB's manual calls optional, is answered
# with the error "Illegal number to return: 0", and the cursor ends behind its first batch. collection.find(batch_size=100) repeats the size in each
# getMore and reads everything; cursor_command of the same find and the same size does not repeat it, and loses all but 100 documents.
# A find without any batchSize never gets there: it has one batch of all. One would guess that the size that find named goes on, or a default.
# So a load test that pages through results passes or fails by how its driver fills in an optional field, and not at all on a result that fits one batch.
# seen: 500 documents by batches of 100: 500 with batchSize in each getMore; 100 without, then "Unknown error: Illegal number to return: 0"; 500 without any batchSize, in one batch
set -eu
d=$(mktemp -d); pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$d"' EXIT
cd "$d"
cat > pom.xml <<'X'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version>
<dependencies><dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId><version>1.47.0</version></dependency></dependencies></project>
X
timeout 150 mvn -q -B dependency:copy-dependencies -DoutputDirectory="$d/jars" >mvn.log 2>&1
timeout 60 python3 -m pip install -q --no-cache-dir --disable-pip-version-check --root-user-action ignore --target py pymongo==4.12.1 >pip.log 2>&1
cat > Memory.java <<'J'
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

public class Memory {
    public static void main(String[] args) throws Exception {
        new MongoServer(new MemoryBackend()).bind("127.0.0.1", Integer.parseInt(args[0]));
        Thread.sleep(60000);
        System.exit(0);
    }
}
J
cat > test.py <<'P'
import sys
import pymongo
from pymongo.errors import OperationFailure
client = pymongo.MongoClient('127.0.0.1', int(sys.argv[1]), serverSelectionTimeoutMS=30000)
db = client.t
db.c.insert_many([{'n': n} for n in range(500)])
find = {'find': 'c', 'batchSize': 100}


def read(cursor):
    n = 0
    try:
        for _ in cursor:
            n += 1
    except OperationFailure as e:
        return n, str(e).split(', full error')[0]
    return n, ''


repeated = read(db.c.find({}, batch_size=100))         # each getMore repeats the size
set_after = read(db.cursor_command(find).batch_size(100))
left_out, error = read(db.cursor_command(find))        # getMore without one
command = read(db.cursor_command({'find': 'c'}))
if repeated != (500, '') or set_after != (500, '') or left_out != 100 or 'number to return' not in error or command != (500, ''):
    sys.exit('no longer so: %s %s %s %s %s' % (repeated, set_after, left_out, error, command))
print('seen: 500 documents by batches of 100: %d with batchSize in each getMore; %d without, then "%s"; %d without any batchSize, in one batch'
      % (repeated[0], left_out, error, command[0]))
P
port=$(python3 -c "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1])")
java -cp "$d/jars/*" Memory.java "$port" >server.log 2>&1 & pid=$!
PYTHONPATH=$d/py timeout 60 python3 test.py "$port"
