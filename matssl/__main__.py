"`python -m matssl`: the command, as launchers of several processes start it"
import sys
from matssl.cli import main

if __name__ == '__main__': sys.exit(main())
