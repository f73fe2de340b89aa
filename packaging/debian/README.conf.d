Each file here whose name ends in .conf is part of the configuration of supervisord, for instance:

    [program:web]
    command=/usr/bin/python3 -m http.server 8000
    user=www-data

`supervisorctl update` carries out what has changed here.
