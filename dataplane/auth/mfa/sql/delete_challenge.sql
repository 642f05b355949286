delete from mfa_challenges where id = $1
