; Stream: theorem lowest_start_counts
; unsat means proved
(set-logic ALL)
(declare-fun |g| () Int)
(declare-fun |o| () Int)
(declare-fun |s.shared.value.groups.value.created| (Int) Bool)
(declare-fun |s.shared.value.groups.value.acknowledged.empty 1| (Int) Bool)
(declare-fun |s.shared.value.groups.value.acknowledged.present| (Int Int) Bool)
(define-fun t!1 () Bool (|s.shared.value.groups.value.acknowledged.empty 1| |g|))
(define-fun t!2 () Bool (not (|s.shared.value.groups.value.acknowledged.present| |g| |o|)))
(assert (not (or (not (and (not (|s.shared.value.groups.value.created| |g|)) t!1)) t!2)))
(assert (or (not t!1) t!2))
(check-sat)
