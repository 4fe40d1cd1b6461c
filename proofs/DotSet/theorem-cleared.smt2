; DotSet: theorem cleared
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |d| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |s| (Int Int) Bool)
(declare-fun |all| () Bool)
(define-fun t!1 () Bool (|s| |k0.replica| |k0.number|))
(assert (or |all| (and t!1 (not (or (and (= |p| |k0.replica|) (= |d| |k0.number|)) t!1)))))
(assert (not |all|))
(check-sat)
