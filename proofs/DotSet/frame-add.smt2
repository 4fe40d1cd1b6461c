; DotSet: frame add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |d| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |t| (Int Int) Bool)
(declare-fun |t.seen| (Int Int) Bool)
(define-fun t!1 () Bool (and (= |r| |k0.replica|) (= |d| |k0.number|)))
(define-fun t!2 () Bool (|t| |k0.replica| |k0.number|))
(assert (not (or t!1 (= t!2 (or (and t!2 (= |r| |k0.replica|) (= |d| |k0.number|)) (and t!2 (not t!1)) (and (= |r| |k0.replica|) (= |d| |k0.number|) (not (|t.seen| |k0.replica| |k0.number|))))))))
(check-sat)
