# lwp.pl URL
use strict;
use warnings;
use LWP::UserAgent;

my $response = LWP::UserAgent->new->get($ARGV[0]);
my $reason = $response->header('EB-REASON-PHRASE');
printf "status: %s\n", $response->code;
printf "reason: %s\n", $reason;
printf "phrase: %s\n", $response->message;
