(** Three-valued answers. Certified means that the statement holds, refuted that it does not;
    undecided means nothing. Negation, conjunction and disjunction keep that meaning.

    Relied on by `Verdict` (include/numgeom/ranking/verdict.hpp) and all that combines verdicts. *)

Inductive verdict : Set := Certified | Refuted | Undecided.

Definition means (v : verdict) (P : Prop) : Prop :=
  match v with
  | Certified => P
  | Refuted => ~ P
  | Undecided => True
  end.

Definition negation (v : verdict) : verdict :=
  match v with
  | Certified => Refuted
  | Refuted => Certified
  | Undecided => Undecided
  end.

Definition conjunction (v w : verdict) : verdict :=
  match v, w with
  | Certified, Certified => Certified
  | Refuted, _ | _, Refuted => Refuted
  | _, _ => Undecided
  end.

Definition disjunction (v w : verdict) : verdict :=
  negation (conjunction (negation v) (negation w)).

(** v says no more than w: it is w, or undecided. *)
Definition weaker (v w : verdict) : Prop := v = Undecided \/ v = w.

Theorem negation_sound v P : means v P -> means (negation v) (~ P).
Proof. destruct v; simpl; tauto. Qed.

Theorem conjunction_sound v w P Q : means v P -> means w Q -> means (conjunction v w) (P /\ Q).
Proof. destruct v, w; simpl; tauto. Qed.

Theorem disjunction_sound v w P Q : means v P -> means w Q -> means (disjunction v w) (P \/ Q).
Proof. destruct v, w; simpl; tauto. Qed.

Theorem weaker_sound v w P : weaker v w -> means w P -> means v P.
Proof. intros [->| ->]; simpl; tauto. Qed.

(** Knowing less about the parts never says more about the whole. *)
Theorem connectives_monotone v v' w w' :
  weaker v' v -> weaker w' w ->
  weaker (negation v') (negation v) /\
  weaker (conjunction v' w') (conjunction v w) /\
  weaker (disjunction v' w') (disjunction v w).
Proof.
  unfold weaker. intros [->| ->] [->| ->]; destruct v, w; simpl; intuition congruence.
Qed.
